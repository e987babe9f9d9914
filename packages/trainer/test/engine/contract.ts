import type { NamedTensor } from '@showtell/shared/safetensors';
import { createDecoder } from '../../src/decoding/decoder';
import type { Batch, CreateTrainingEngine, TrainingEngine, TrainingEngineOptions } from '../../src/engine/engine';
import { architectureOf, initialParameters } from '../../src/model/parameters';
import { hyperparametersOf } from '../../src/model/presets/presets';
import { Random } from '../../src/model/random';
import { inFloat64, type ReferenceWeights, randomWeights, referenceLosses } from '../model/reference';

const hyperparameters = hyperparametersOf('seed', { units: 4, embedding: 3, maxLength: 5, learningRate: 0.01 });
const sizes = architectureOf(hyperparameters, 5, 9);
/** Captions of different lengths, the longest not first, one of no word, words that come twice. */
function batchOf(seed: number, captions = [[4, 5], [6, 7, 3, 6, 4], [], [8, 8, 5], [5]]): Batch {
  const random = new Random(seed);
  return {
    features: Float32Array.from({ length: captions.length * sizes.dimension }, () => random.normal()),
    captions: captions.map((words) => Int32Array.from([1, ...words, 2])),
  };
}

/** Σ weight · −log p by plain loops over unpacked captions; without weights the mean. */
function referenceLoss(weights: ReferenceWeights, { features, captions, weights: tokenWeights }: Batch): number {
  const losses = captions.map((caption, row) =>
    referenceLosses(weights, features.subarray(row * sizes.dimension, (row + 1) * sizes.dimension), caption),
  );
  const tokens = losses.flat().length;
  return losses
    .flatMap((ofCaption, row) => ofCaption.map((loss, place) => loss * (tokenWeights?.[row]![place] ?? 1 / tokens)))
    .reduce((a, b) => a + b);
}

/** What every training engine promises. @param create a way to make them, once what computes is loaded */
export function describeTrainingEngine(engineName: string, create: () => Promise<CreateTrainingEngine>): void {
  describe(engineName, () => {
    const open: TrainingEngine[] = [];

    async function engineWith(options: Partial<TrainingEngineOptions> = {}): Promise<TrainingEngine> {
      const { vocabularySize, dimension } = sizes;
      const engine = await (await create())({
        hyperparameters,
        vocabularySize,
        dimension,
        totalSteps: 10,
        threads: 1,
        seed: 1,
        ...options,
      });
      open.push(engine);
      return engine;
    }

    afterEach(async () => {
      for (const engine of open.splice(0)) await engine.close();
    });

    /** The gradients of one step, out of Adam's first moments after it: m = (1 − beta1) · g. */
    async function gradientsOf(initial: ReadonlyMap<string, NamedTensor>, batch: Batch): Promise<Map<string, Float64Array>> {
      const engine = await engineWith({ initial });
      await engine.step(batch);
      return new Map(
        [...engine.state().m].map(([name, { data }]) => [name, Float64Array.from(data, (value) => value / (1 - hyperparameters.beta1))]),
      );
    }

    describe('loss and gradients', () => {
      const initial = randomWeights(sizes, 3);
      const plain = batchOf(1);
      const random = new Random(9);
      // Signs as self-critical rewards have them, and a token that does not count.
      const weighted = {
        ...plain,
        weights: plain.captions.map((caption) => Float32Array.from({ length: caption.length - 1 }, () => random.normal())),
      };
      weighted.weights[1]![2] = 0;

      test.each([
        ['mean', plain],
        ['weighted', weighted],
      ])('%s loss and gradients equal plain loops', async (_, batch) => {
        const engine = await engineWith({ initial });
        const weights = inFloat64(initial);
        const { loss, tokens, gradientNorm } = await engine.step(batch);
        expect(loss).toBeCloseTo(referenceLoss(weights, batch), 5);
        expect(tokens).toBe(plain.captions.reduce((sum, caption) => sum + caption.length - 1, 0));
        let squares = 0;
        for (const [name, gradient] of await gradientsOf(initial, batch)) {
          const { data } = weights.get(name)!;
          for (const [index, value] of gradient.entries()) {
            const before = data[index]!;
            data[index] = before + 1e-5;
            const above = referenceLoss(weights, batch);
            data[index] = before - 1e-5;
            const numeric = (above - referenceLoss(weights, batch)) / 2e-5;
            data[index] = before;
            expect(`${name}[${index}] off by ${Math.abs(value - numeric) > 1e-5 ? value - numeric : 0}`).toBe(`${name}[${index}] off by 0`);
            squares += numeric ** 2;
          }
        }
        expect(gradientNorm).toBeCloseTo(Math.sqrt(squares), 4);
      });

      test('the order of rows does not matter, nor the length the graph is unrolled to', async () => {
        const { features, captions } = plain;
        const order = [3, 0, 4, 2, 1];
        const reordered = {
          features: Float32Array.from(order.flatMap((row) => [...features.subarray(row * sizes.dimension, (row + 1) * sizes.dimension)])),
          captions: order.map((row) => captions[row]!),
        };
        const { loss } = await (await engineWith({ initial })).step(plain);
        const longer = await engineWith({ initial, hyperparameters: { ...hyperparameters, maxLength: 12 } });
        expect((await longer.step(reordered)).loss).toBeCloseTo(loss, 6);
      });

      test('evaluation gives the sum over tokens and changes nothing', async () => {
        const engine = await engineWith({ initial });
        const before = engine.state();
        const { lossSum, tokens } = await engine.evaluate(weighted);
        expect(lossSum / tokens).toBeCloseTo(referenceLoss(inFloat64(initial), plain), 5);
        expect(engine.state()).toEqual(before);
        expect((await engine.step(plain)).loss).toBeCloseTo(lossSum / tokens, 5);
      });

      test('clipping scales all gradients to the norm', async () => {
        const limit = 0.1;
        const engine = await engineWith({ initial, hyperparameters: { ...hyperparameters, clipNorm: limit } });
        const { gradientNorm } = await engine.step(plain);
        expect(gradientNorm).toBeGreaterThan(limit);
        const squares = [...engine.state().m.values()].flatMap(({ data }) => [...data]).reduce((sum, value) => sum + (value / 0.1) ** 2, 0);
        expect(Math.sqrt(squares)).toBeCloseTo(limit, 5);
      });
    });

    describe('state', () => {
      test('a loaded state continues bit for bit', async () => {
        const batches = [1, 2, 3, 4, 5, 6].map((seed) => batchOf(seed));
        const uninterrupted = await engineWith();
        for (const batch of batches) await uninterrupted.step(batch);

        const first = await engineWith();
        for (const batch of batches.slice(0, 3)) await first.step(batch);
        const second = await engineWith({ seed: 99 });
        second.load(first.state());
        for (const batch of batches.slice(3)) await second.step(batch);
        expect(second.state()).toEqual(uninterrupted.state());
        expect(second.state().step).toBe(6);
      });

      test('fresh engines begin with the initial parameters of their seed, moments zero', async () => {
        const state = (await engineWith({ seed: 5 })).state();
        expect(state.weights).toEqual(initialParameters(sizes, 5));
        expect(state.step).toBe(0);
        for (const moments of [state.m, state.v])
          for (const { data } of moments.values()) expect(data.every((value) => value === 0)).toBe(true);
      });

      test('a state is a copy', async () => {
        const engine = await engineWith();
        const before = engine.state();
        await engine.step(batchOf(1));
        expect(before.weights).toEqual(initialParameters(sizes, 1));
        expect(engine.state().weights).not.toEqual(before.weights);
      });

      test('a state of other sizes is refused by name', async () => {
        const engine = await engineWith();
        const state = engine.state();
        const wider = initialParameters({ ...sizes, units: 6 }, 1);
        expect(() => engine.load({ ...state, weights: wider })).toThrow('Expected F32 [5, 4] for encoder/kernel in the weights of step 0');
        const other = initialParameters(sizes, 2);
        expect(() => engine.load({ ...state, weights: other, v: new Map() })).toThrow(
          "in Adam's second moments of step 0 but received nothing",
        );
        expect(engine.state()).toEqual(state);
        await expect(engineWith({ initial: wider })).rejects.toThrow('in the initial weights but received F32 [5, 6]');
      });
    });

    test('each step has the rate of its schedule, told with it, also after a state was loaded', async () => {
      const settings = { ...hyperparameters, schedule: 'linear', warmupSteps: 2, learningRate: 0.09, finalLearningRate: 0.02 } as const;
      const engine = await engineWith({ hyperparameters: settings });
      const rates: number[] = [];
      for (let step = 0; step < 4; step++) rates.push((await engine.step(batchOf(1))).learningRate);
      const second = await engineWith({ hyperparameters: settings });
      second.load(engine.state());
      rates.push((await second.step(batchOf(1))).learningRate);
      expect(rates).toEqual([0.045, 0.09, 0.09, 0.08, 0.07].map((rate) => expect.closeTo(rate, 12)));
      const constant = await engineWith({ hyperparameters: { ...settings, schedule: 'constant' } });
      for (let step = 0; step < 5; step++) await constant.step(batchOf(1));
      expect(second.state().weights).not.toEqual(constant.state().weights);
    });

    test('weight decay takes from matrices and leaves biases alone', async () => {
      const decayed = await engineWith({ hyperparameters: { ...hyperparameters, weightDecay: 2 } });
      const plain = await engineWith();
      const before = plain.state().weights;
      for (const engine of [decayed, plain]) await engine.step(batchOf(1));
      const [with2, without] = [decayed.state().weights, plain.state().weights];
      for (const [name, { shape, data }] of without) {
        const keep = shape.length > 1 ? 2 * hyperparameters.learningRate : 0;
        const expected = data.map((value, index) => value - keep * before.get(name)!.data[index]!);
        expect([name, ...with2.get(name)!.data]).toEqual([name, ...Array.from(expected, (value) => expect.closeTo(value, 6))]);
      }
    });

    describe('divergence', () => {
      test.each([Number.NaN, Number.POSITIVE_INFINITY])('a feature of %d is reported and nothing is applied', async (poison) => {
        const engine = await engineWith();
        await engine.step(batchOf(1));
        const before = engine.state();
        const batch = batchOf(2);
        batch.features[7] = poison;
        const result = await engine.step(batch);
        expect(result.applied).toBe(false);
        expect(engine.state()).toEqual(before);
        expect((await engine.step(batchOf(2))).applied).toBe(true);
      });

      test('a loss that float32 cannot hold is infinite, but not where its weight is zero', async () => {
        const initial = initialParameters(sizes, 1);
        initial.get('output/bias')!.data[4] = -500;
        const batch = batchOf(1, [[5], [4]]);
        const engine = await engineWith({ initial });
        expect(await engine.step(batch)).toMatchObject({ loss: Number.POSITIVE_INFINITY, applied: false });
        expect((await engine.evaluate(batch)).lossSum).toBeGreaterThan(500);
        const weighted = { ...batch, weights: [Float32Array.of(0.5, 0.5), Float32Array.of(0, 1)] };
        const expected = referenceLoss(inFloat64(initial), weighted);
        expect(await engine.step(weighted)).toMatchObject({ loss: expect.closeTo(expected, 5), applied: true });
      });

      test('a gradient whose square float32 cannot hold is not applied, unless it is clipped', async () => {
        const batch = batchOf(1, [[5], [4]]);
        const weighted = { ...batch, weights: batch.captions.map(({ length }) => new Float32Array(length - 1).fill(1e30)) };
        const engine = await engineWith({});
        const before = engine.state();
        const { applied, loss, gradientNorm } = await engine.step(weighted);
        expect([applied, Number.isFinite(loss), gradientNorm > 1e19, Number.isFinite(gradientNorm)]).toEqual([false, true, true, true]);
        expect(engine.state()).toEqual(before);
        const clipping = await engineWith({ hyperparameters: { ...hyperparameters, clipNorm: 1 } });
        expect(await clipping.step(weighted)).toMatchObject({ applied: true });
        for (const { data } of clipping.state().v.values()) expect(data.every(Number.isFinite)).toBe(true);
      });

      test('a learning rate a million times too large is found within a few steps', async () => {
        const engine = await engineWith({ hyperparameters: { ...hyperparameters, learningRate: 1e4 } });
        let step = 1;
        for (; step <= 5; step++) {
          const { applied, loss } = await engine.step(batchOf(step));
          if (!applied) {
            expect(loss).toBe(Number.POSITIVE_INFINITY);
            break;
          }
        }
        expect(step).toBeLessThanOrEqual(5);
      });
    });

    test('learns ten captions by heart, and greedy decoding says them', async () => {
      const random = new Random(4);
      const settings = { ...hyperparameters, units: 24, embedding: 8, maxLength: 8, learningRate: 0.02 };
      const captions = Array.from({ length: 10 }, () =>
        Int32Array.from([1, ...Array.from({ length: 1 + random.below(6) }, () => 3 + random.below(17)), 2]),
      );
      const features = Float32Array.from({ length: 10 * 8 }, () => random.normal());
      const engine = await engineWith({ hyperparameters: settings, vocabularySize: 20, dimension: 8 });
      const { loss: first } = await engine.step({ features, captions });
      for (let step = 0; step < 250; step++) await engine.step({ features, captions });
      const { loss: last } = await engine.step({ features, captions });
      expect(first).toBeGreaterThan(2.5);
      expect(last).toBeLessThan(0.05);

      const decoder = await createDecoder({
        weights: engine.state().weights,
        architecture: architectureOf(settings, 8, 20),
        decoding: { ...settings, blockUnknown: false },
        threads: 1,
      });
      const decoded = await decoder.decode(features, 10);
      await decoder.close();
      expect(decoded.map(({ ids }) => ids)).toEqual(captions.map((caption) => [...caption.subarray(1, -1)]));
      expect(decoded.every(({ ended }) => ended)).toBe(true);
    });
  });
}
