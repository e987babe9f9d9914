import { openEngine } from '../../../src/encoder/engines/open';
import { describeEngine } from './contract';

const options = { precision: 'float32', engine: 'onnx', device: 'cpu', threads: 1 } as const;

describeEngine('onnx', (weights) => openEngine({ ...options, weights }));

describe('onnx engine options', () => {
  const weights = 'never-read.safetensors';

  test.each(['cuda', 'gpu'])('device %s is an error, never a silent CPU run', async (device) => {
    await expect(openEngine({ ...options, weights, device })).rejects.toMatchObject({
      code: 'DEVICE_UNAVAILABLE',
      message: expect.stringContaining(device) as string,
      hint: expect.stringContaining('--device auto') as string,
    });
  });

  test.each(['float16', 'int8'] as const)('precision %s is refused', async (precision) => {
    await expect(openEngine({ ...options, weights, precision })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining(precision) as string,
    });
  });

  test('an unknown engine and no threads are refused', async () => {
    await expect(openEngine({ ...options, weights, engine: 'torch' as 'onnx' })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await expect(openEngine({ ...options, weights, threads: 0 })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});
