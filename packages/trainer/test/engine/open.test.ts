import { cpuName } from '@showtell/shared/device';
import { openTrainingEngine } from '../../src/engine/open';
import { hyperparametersOf } from '../../src/model/presets/presets';
import { batches, settings, sizes } from './networks';

const request = { engine: 'tensorflow', device: 'auto', threads: 1, tensorflow: '/nowhere' } as const;

test('onnx trains on the CPU, whether that was asked for or not', async () => {
  for (const device of ['auto', 'cpu'])
    expect((await openTrainingEngine({ ...request, engine: 'onnx', device })).description).toEqual({
      engine: 'onnx',
      provider: 'CPU',
      device: 'cpu',
      deviceName: cpuName(),
      precision: 'float32',
      threads: 1,
      versions: { onnxruntime: expect.stringMatching(/^1\./) as string },
    });
});

test('a device that an engine does not train on is an error that says which does', async () => {
  await expect(openTrainingEngine({ ...request, engine: 'onnx', device: 'cuda:1' })).rejects.toMatchObject({
    code: 'DEVICE_UNAVAILABLE',
    message: 'Expected device cpu for training by the engine onnx but received cuda:1',
    hint: expect.stringContaining('--engine tensorflow') as string,
  });
  await expect(openTrainingEngine({ ...request, device: 'gpu' })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
});

test('TensorFlow that is not installed is an error where it was asked for', async () => {
  for (const device of ['cpu', 'cuda', 'cuda:1'])
    await expect(openTrainingEngine({ ...request, device })).rejects.toMatchObject({
      code: 'DEVICE_UNAVAILABLE',
      message: expect.stringContaining('/nowhere') as string,
      hint: expect.stringContaining('showtell engine install tensorflow') as string,
    });
});

test('auto trains on WebAssembly then, and says why', async () => {
  const { description, create } = await openTrainingEngine(request);
  expect(description).toMatchObject({
    device: 'wasm',
    precision: 'float32',
    chosen: expect.stringMatching(/no CUDA: .*; .*neither installed in \/nowhere/) as string,
  });
  const engine = await create({ hyperparameters: hyperparametersOf('seed', settings), ...sizes, totalSteps: 1, threads: 1, seed: 1 });
  expect(await engine.step(batches[0]!)).toMatchObject({ applied: true });
  await engine.close();
});
