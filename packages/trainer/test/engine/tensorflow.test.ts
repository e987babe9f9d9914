import { hyperparametersOf } from '../../src/model/presets/presets';
import { describeTrainingEngine } from './contract';
import { createTensorflow, loadTested, TENSORFLOW_NAME } from './engines';
import { batches, regularized, settings, sizes } from './networks';
import { describeParity, describeRelay } from './parity';

describeTrainingEngine(TENSORFLOW_NAME, createTensorflow);
describeParity(TENSORFLOW_NAME, createTensorflow);
describeRelay(TENSORFLOW_NAME, createTensorflow);

test('no step and no evaluation leaves a tensor on the device, nor does one that fails', async () => {
  const { tf } = await loadTested();
  const before = tf.memory().numTensors;
  const hyperparameters = hyperparametersOf('seed', { ...settings, ...regularized, image: 'every-input', layerNorm: true });
  const engine = await (await createTensorflow())({ hyperparameters, ...sizes, totalSteps: 10, threads: 1, seed: 1 });
  for (const batch of [...batches, ...batches]) {
    await engine.step(batch);
    await engine.evaluate(batch);
    expect(tf.memory().numTensors).toBe(before);
  }
  await expect(engine.step({ ...batches[0]!, captions: [] })).rejects.toThrow('at least one caption');
  await engine.close();
  expect(tf.memory().numTensors).toBe(before);
});
