import type { NamedTensor } from '@showtell/shared/safetensors';
import type { CreateTrainingEngine, StepResult, TrainingState } from '../../src/engine/engine';
import { createOnnxTrainingEngine } from '../../src/engine/onnx';
import { architectureOf } from '../../src/model/parameters';
import { hyperparametersOf } from '../../src/model/presets/presets';
import { randomWeights } from '../model/reference';
import { batches, NETWORKS, regularized, settings, sizes } from './networks';

/** An engine takes the same steps as the engine `onnx`, whatever the network, and whatever training does to it. */
export function describeParity(name: string, create: () => Promise<CreateTrainingEngine>): void {
  describe.each(Object.entries(NETWORKS))(`${name} beside onnx: %s`, (_, network) => {
    test.each([
      ['as it is', {}],
      ['regularised', { ...regularized, clipNorm: 0.5, weightDecay: 0.1, epsilonForm: 'pytorch' }],
    ] as const)('%s', async (_what, training) => {
      const hyperparameters = hyperparametersOf('seed', { ...settings, ...network, ...training });
      const expected = await steps(createOnnxTrainingEngine, hyperparameters);
      const found = await steps(await create(), hyperparameters);
      for (const [index, { loss, gradientNorm, ...rest }] of expected.results.entries())
        expect(found.results[index]).toEqual({ ...rest, loss: expect.closeTo(loss, 4), gradientNorm: expect.closeTo(gradientNorm, 4) });
      expect(found.validation).toBeCloseTo(expected.validation, 3);
      for (const part of ['weights', 'm', 'v'] as const) expectClose(found.state[part], expected.state[part]);
    });
  });
}

/** What one engine began the other goes on with. */
export function describeRelay(name: string, create: () => Promise<CreateTrainingEngine>): void {
  test(`${name} goes on with what onnx has begun, and onnx with that`, async () => {
    const hyperparameters = hyperparametersOf('seed', { ...settings, ...regularized });
    const options = { hyperparameters, ...sizes, totalSteps: batches.length, threads: 1, seed: 3 };
    const [alone, first, second] = [
      await createOnnxTrainingEngine(options),
      await createOnnxTrainingEngine(options),
      await (await create())(options),
    ];
    for (const batch of batches) await alone.step(batch);
    for (const [index, batch] of batches.entries()) {
      const [from, to] = index % 2 === 0 ? [first, second] : [second, first];
      await from.step(batch);
      to.load(from.state());
    }
    expect(first.state().step).toBe(batches.length);
    for (const part of ['weights', 'm', 'v'] as const) expectClose(first.state()[part], alone.state()[part]);
    for (const engine of [alone, first, second]) await engine.close();
  });
}

async function steps(create: CreateTrainingEngine, hyperparameters: ReturnType<typeof hyperparametersOf>) {
  const initial = randomWeights(architectureOf(hyperparameters, sizes.dimension, sizes.vocabularySize), 4);
  const engine = await create({ hyperparameters, ...sizes, totalSteps: batches.length, threads: 1, seed: 3, initial });
  const results: StepResult[] = [];
  for (const batch of batches) results.push(await engine.step(batch));
  const { lossSum } = await engine.evaluate(batches[0]!);
  const state: TrainingState = engine.state();
  await engine.close();
  return { results, validation: lossSum, state };
}

function expectClose(found: ReadonlyMap<string, NamedTensor>, expected: ReadonlyMap<string, NamedTensor>): void {
  expect([...found.keys()]).toEqual([...expected.keys()]);
  for (const [name, { data }] of expected) {
    const worst = Math.max(...Array.from(data, (value, index) => Math.abs(value - found.get(name)!.data[index]!)));
    expect(`${name} off by ${worst > 1e-4 ? worst : 0}`).toBe(`${name} off by 0`);
  }
}
