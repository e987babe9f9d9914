import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256 } from '@showtell/shared/hash';
import { openEngine } from '../../../src/encoder/engines/open';
import { narrowWeights } from '../../narrow-weights';
import { describeEngine, pictures } from './contract';

const options = { precision: 'float32', engine: 'onnx', device: 'cpu', threads: 1 } as const;

describeEngine('onnx', (weights) => openEngine({ ...options, weights }));

test('features have the same bits on 1, 2 and 3 threads', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'showtell-threads-'));
  try {
    const weights = join(folder, 'narrow.safetensors');
    await writeFile(weights, narrowWeights(5).safetensors);
    const sha256s: string[] = [];
    for (const threads of [1, 2, 3]) {
      const engine = await openEngine({ ...options, weights, threads });
      const features = await engine.encode(pictures(9), 9);
      await engine.close();
      expect(new Set(features).size).toBeGreaterThan(9);
      sha256s.push(sha256(Buffer.from(features.buffer, features.byteOffset, features.byteLength)));
    }
    expect(new Set(sha256s).size).toBe(1);
  } finally {
    await rm(folder, { recursive: true });
  }
});

describe('onnx engine options', () => {
  const weights = 'never-read.safetensors';

  test('a device that is none is refused', async () => {
    await expect(openEngine({ ...options, weights, device: 'gpu' })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: 'Expected auto, cpu, cuda, cuda:<number> or wasm for device but received "gpu"',
    });
  });

  test.each([
    ['float32', 'wasm', 'Expected device cuda or cpu for the engine onnx in float32 but received wasm'],
    ['float16', 'cpu', 'Expected device cuda for the engine onnx in float16 but received cpu'],
  ] as const)('%s on %s, which this engine does not compute, says what it does', async (precision, device, message) => {
    const hint = expect.stringContaining('float32 on cuda, cpu; float16 on cuda') as string;
    await expect(openEngine({ ...options, weights, precision, device })).rejects.toMatchObject({
      code: 'DEVICE_UNAVAILABLE',
      message,
      hint,
    });
  });

  test('an unknown engine and no threads are refused', async () => {
    await expect(openEngine({ ...options, weights, engine: 'torch' as 'onnx' })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await expect(openEngine({ ...options, weights, threads: 0 })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});
