import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadTensorflow } from '@showtell/shared/tensorflow/load';
import { openEngine, probeEngine } from '../../../src/encoder/engines/open';
import { narrowWeights } from '../../narrow-weights';
import { describeEngine, pictures } from './contract';

const options = { precision: 'float32', engine: 'tensorflow', device: 'wasm', threads: 1 } as const;

describeEngine('tensorflow on WebAssembly', (weights) => openEngine({ ...options, weights }));

describe('tensorflow engine on WebAssembly', () => {
  let folder: string;
  let weights: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'showtell-tensorflow-'));
    weights = join(folder, 'narrow.safetensors');
    await writeFile(weights, narrowWeights(5).safetensors);
  });
  afterAll(() => rm(folder, { recursive: true }));

  test('keeps no tensor after a batch, and none after its close', async () => {
    const { tf } = await loadTensorflow({ device: 'wasm', threads: 1, folder });
    const before = tf.memory().numTensors;
    const engine = await openEngine({ ...options, weights });
    const open = tf.memory().numTensors;
    expect(open).toBe(before + 2 * 94);
    for (const count of [1, 3, 2]) await engine.encode(pictures(count), count);
    expect(tf.memory().numTensors).toBe(open);
    await engine.close();
    expect(tf.memory().numTensors).toBe(before);
  });

  test('where TensorFlow is not installed, cpu and cuda say how to install it', async () => {
    const elsewhere = { ...options, weights, tensorflow: folder };
    for (const [device, command] of [
      ['cpu', 'showtell engine install tensorflow,'],
      ['cuda:1', 'showtell engine install tensorflow --gpu,'],
    ] as const)
      await expect(openEngine({ ...elsewhere, device })).rejects.toMatchObject({
        code: 'DEVICE_UNAVAILABLE',
        message: expect.stringContaining(`installed in ${folder}`) as string,
        hint: expect.stringContaining(command) as string,
      });
  });

  test('auto falls back to WebAssembly, and says why', async () => {
    expect(await probeEngine({ ...options, weights: '', tensorflow: folder, device: 'auto' })).toMatchObject({
      device: 'wasm',
      provider: 'WebAssembly',
      threads: 1,
      chosen: expect.stringMatching(/TensorFlow for GPUs is not installed; .*TensorFlow is neither installed/) as string,
    });
  });

  test.each(['float16', 'int8'] as const)('precision %s is refused', async (precision) => {
    await expect(openEngine({ ...options, weights, precision })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});
