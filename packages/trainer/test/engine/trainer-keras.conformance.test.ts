import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NamedTensor } from '@showtell/shared/safetensors';
import { describeConformance } from '../../../shared/test/conformance';
import type { Batch, StepResult, TrainingState } from '../../src/engine/engine';
import { hyperparametersOf } from '../../src/model/presets/presets';
import { ENGINES } from './engines';

type Arrays = Record<string, { shape: number[]; data: number[] }>;
interface Expected {
  model: { vocab: number; embed: number; units: number; feature: number };
  tokens: { END: number };
  adam: { learning_rate: number; beta_1: number; beta_2: number; epsilon: number };
  steps: number;
  plain: Trajectory;
  clipped: Trajectory;
}
interface Trajectory {
  global_clipnorm: number | null;
  per_step: { real_tokens: number; loss_float64: number; gradient_global_norm_float64: number }[];
}
type After = Record<'float64', { weights: Arrays; adam_m: Arrays; adam_v: Arrays }>;

const read = (folder: string, name: string): unknown => JSON.parse(readFileSync(join(folder, name), 'utf8'));

function tensors(arrays: Arrays): Map<string, NamedTensor> {
  return new Map(
    Object.entries(arrays).map(([name, { shape, data }]) => [name, { name, dtype: 'F32', shape, data: Float32Array.from(data) }]),
  );
}

/** Largest absolute difference of an array, and of the expected array's values the largest. */
function difference(actual: NamedTensor, expected: number[]): { worst: number; largest: number } {
  expect(actual.data).toHaveLength(expected.length);
  return {
    worst: Math.max(...expected.map((value, index) => Math.abs(actual.data[index]! - value))),
    largest: Math.max(...expected.map(Math.abs)),
  };
}

describeConformance('the captioner computed by Keras on TensorFlow', ['trainer-keras'], (folder) => {
  const expected = read(folder, 'expected.json') as Expected;
  const batches: Batch[] = (read(folder, 'batches.json') as { features: number[][]; tokens: number[][] }[]).map(({ features, tokens }) => ({
    features: Float32Array.from(features.flat()),
    captions: tokens.map((row) => Int32Array.from(row.slice(0, row.indexOf(expected.tokens.END) + 1))),
  }));

  describe.each(
    Object.entries(ENGINES).flatMap(([engine, create]) => (['plain', 'clipped'] as const).map((kind) => [engine, kind, create] as const)),
  )('%s, %s', (_, kind, create) => {
    const { global_clipnorm: clipNorm, per_step: perStep } = expected[kind];
    const results: StepResult[] = [];
    let first: TrainingState;
    let last: TrainingState;

    beforeAll(async () => {
      const { model, adam } = expected;
      const engine = await (await create())({
        hyperparameters: hyperparametersOf('seed', {
          units: model.units,
          embedding: model.embed,
          maxLength: Math.max(...batches.flatMap(({ captions }) => captions.map(({ length }) => length))),
          learningRate: adam.learning_rate,
          beta1: adam.beta_1,
          beta2: adam.beta_2,
          epsilon: adam.epsilon,
          clipNorm,
        }),
        vocabularySize: model.vocab,
        dimension: model.feature,
        totalSteps: expected.steps,
        threads: 1,
        initial: tensors(read(folder, 'initial-weights.json') as Arrays),
        seed: 0,
      });
      for (const batch of batches.slice(0, expected.steps)) {
        results.push(await engine.step(batch));
        first ??= engine.state();
      }
      last = engine.state();
      await engine.close();
    });

    test('losses, tokens and gradient norms', () => {
      expect(results.map(({ tokens }) => tokens)).toEqual(perStep.map((step) => step.real_tokens));
      for (const [index, { loss, gradientNorm }] of results.entries()) {
        expect(Math.abs(loss / perStep[index]!.loss_float64 - 1)).toBeLessThan(1e-5);
        expect(Math.abs(gradientNorm - perStep[index]!.gradient_global_norm_float64)).toBeLessThan(1e-5);
      }
    });

    test('the gradient of step 1', () => {
      const gradient = (read(folder, 'gradient-step1.json') as Record<'float64', Arrays>).float64;
      const scale = clipNorm === null ? 1 : Math.min(1, clipNorm / perStep[0]!.gradient_global_norm_float64);
      // Adam's first moment after one step is (1 − beta1) of the (clipped) gradient.
      for (const [name, { data }] of Object.entries(gradient)) {
        const moment = first.m.get(name)!;
        const recovered = { ...moment, data: moment.data.map((value) => value / (1 - expected.adam.beta_1) / scale) as Float32Array };
        expect([name, difference(recovered, data).worst < 1e-5]).toEqual([name, true]);
      }
    });

    test('weights and moments after the last step', () => {
      const { weights, adam_m: m, adam_v: v } = (read(folder, `after${expected.steps}-${kind}.json`) as After).float64;
      for (const [name, { data }] of Object.entries(weights))
        expect([name, difference(last.weights.get(name)!, data).worst < 5e-5]).toEqual([name, true]);
      for (const [what, arrays, state] of [
        ['m', m, last.m],
        ['v', v, last.v],
      ] as const)
        for (const [name, { data }] of Object.entries(arrays)) {
          const { worst, largest } = difference(state.get(name)!, data);
          expect([what, name, worst < 1e-5 * largest]).toEqual([what, name, true]);
        }
    });
  });
});
