import { createDecoder } from '../../src/decoding/decoder';
import type { TrainingEngine } from '../../src/engine/engine';
import { createOnnxTrainingEngine } from '../../src/engine/onnx';
import { architectureOf } from '../../src/model/parameters';
import { hyperparametersOf } from '../../src/model/presets/presets';
import { randomWeights } from '../model/reference';
import { batches, NETWORKS, regularized, settings, sizes } from './networks';

async function withEngine<T>(
  hyperparameters: ReturnType<typeof hyperparametersOf>,
  seed: number,
  use: (engine: TrainingEngine) => Promise<T>,
  totalSteps = 5,
): Promise<T> {
  const initial = randomWeights(architectureOf(hyperparameters, sizes.dimension, sizes.vocabularySize), 4);
  const engine = await createOnnxTrainingEngine({ hyperparameters, ...sizes, totalSteps, threads: 1, seed, initial });
  try {
    return await use(engine);
  } finally {
    await engine.close();
  }
}

describe.each(Object.entries(NETWORKS))('%s', (_, network) => {
  test('what decoding says a caption is worth is its loss in training', async () => {
    const hyperparameters = hyperparametersOf('seed', { ...settings, ...network });
    const architecture = architectureOf(hyperparameters, sizes.dimension, sizes.vocabularySize);
    const weights = randomWeights(architecture, 4);
    // Often enough the likeliest, so that captions end at different lengths.
    weights.get('output/bias')!.data[2] = 2;
    const { features } = batches[0]!;
    const decoder = await createDecoder({ weights, architecture, decoding: hyperparameters, threads: 1 });
    const decoded = await decoder.decode(features, 6);
    await decoder.close();
    const ended = [...decoded.keys()].filter((row) => decoded[row]!.ended);
    expect(ended.length).toBeGreaterThan(0);
    await withEngine(hyperparameters, 1, async (engine) => {
      engine.load({ ...engine.state(), weights });
      for (const row of ended) {
        const { ids, logProbability } = decoded[row]!;
        const feature = features.slice(row * sizes.dimension, (row + 1) * sizes.dimension);
        const { lossSum } = await engine.evaluate({ features: feature, captions: [Int32Array.from([1, ...ids, 2])] });
        expect(lossSum).toBeCloseTo(-logProbability, 3);
      }
    });
  });

  test('regularised, it goes on bit for bit from a loaded state', async () => {
    const hyperparameters = hyperparametersOf('seed', { ...settings, ...network, ...regularized });
    const { whole, half } = await withEngine(hyperparameters, 1, async (engine) => {
      const losses: number[] = [];
      let middle = engine.state();
      for (const [index, batch] of batches.entries()) {
        if (index === 2) middle = engine.state();
        losses.push((await engine.step(batch)).loss);
      }
      return { whole: { losses: losses.slice(2), state: engine.state() }, half: middle };
    });
    const resumed = await withEngine(hyperparameters, 1, async (engine) => {
      engine.load(half);
      const losses: number[] = [];
      for (const batch of batches.slice(2)) losses.push((await engine.step(batch)).loss);
      return { losses, state: engine.state() };
    });
    expect(resumed).toEqual(whole);
    expect([...whole.state.m.keys()].filter((name) => name.startsWith('features/'))).toEqual([]);
  });
});

test.each(['dropout', 'scheduledSampling'] as const)('%s is drawn from the seed and the step', async (name) => {
  const hyperparameters = hyperparametersOf('seed', { ...settings, [name]: 0.8 });
  const lossesOf = (seed: number) =>
    withEngine(hyperparameters, seed, async (engine) => {
      const start = engine.state();
      const first = (await engine.step(batches[0]!)).loss;
      const second = (await engine.step(batches[0]!)).loss;
      // The same weights at another step.
      engine.load({ ...start, step: 3 });
      const later = (await engine.step(batches[0]!)).loss;
      return [first, second, later];
    });
  const [first, , later] = await lossesOf(1);
  expect(await lossesOf(1)).toEqual(await lossesOf(1));
  expect(later).not.toBe(first);
  expect((await lossesOf(2))[2]).not.toBe(later);
});

test('the probability of words of its own grows over the training', async () => {
  const firstLoss = (changes: Record<string, unknown>, totalSteps: number) =>
    withEngine(
      hyperparametersOf('seed', { ...settings, ...changes }),
      1,
      async (engine) => (await engine.step(batches[0]!)).loss,
      totalSteps,
    );
  const plain = await firstLoss({}, 1);
  expect(await firstLoss({ scheduledSampling: 0.8 }, 1_000_000)).toBeCloseTo(plain, 6);
  expect(Math.abs((await firstLoss({ scheduledSampling: 0.8 }, 1)) - plain)).toBeGreaterThan(0.001);
});
