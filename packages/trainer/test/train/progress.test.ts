import { readAliases } from '../../src/checkpoint/aliases';
import { checkpointKeys } from '../../src/checkpoint/checkpoints';
import { readLease } from '../../src/checkpoint/lease';
import type { TrainingEngine, TrainingEngineOptions } from '../../src/engine/engine';
import { createOnnxTrainingEngine } from '../../src/engine/onnx';
import { readDone } from '../../src/train/done';
import type { TrainEvent } from '../../src/train/events';
import { freezeTraining } from '../../src/train/freeze';
import { type TrainOptions, train } from '../../src/train/train';
import { temporaryStore } from '../temporary-store';
import { TINY, writeTinyRun } from '../tiny-run';

const store = temporaryStore();
beforeAll(() => writeTinyRun(store));

/** 66 captions in batches of 8. */
const STEPS_PER_EPOCH = 9;

const options = (events: TrainEvent[], more: Partial<TrainOptions> = {}): TrainOptions => ({
  holder: 'trainer',
  threads: 1,
  onEvent: (event) => events.push(event),
  ...more,
});

const freeze = (training: string, hyperparameters = {}) =>
  freezeTraining(store, { runs: ['tiny'], training, hyperparameters: { ...TINY, ...hyperparameters }, seed: 5 });

describe('a training that diverges stops at once, with no checkpoint of bad weights', () => {
  test('learning rate times a million', async () => {
    await freeze('wild', { learningRate: TINY.learningRate! * 1e6 });
    const events: TrainEvent[] = [];
    await expect(train(store, 'wild', options(events))).rejects.toMatchObject({
      code: 'DIVERGED',
      exitCode: 5,
      message: expect.stringMatching(/at step \d+ the loss is (Infinity|NaN)/),
    });
    expect(await checkpointKeys(store, 'wild')).toEqual([]);
    expect(await readDone(store, 'wild')).toMatchObject({
      outcome: 'diverged',
      step: events.filter(({ event }) => event === 'step').length,
    });
    expect((await readLease(store, 'wild'))!.record.released).toBe(true);
  });

  test('later on, the last good checkpoint is kept and the training does not go on', async () => {
    await freeze('later');
    const createEngine = async (engineOptions: TrainingEngineOptions): Promise<TrainingEngine> => {
      const engine = await createOnnxTrainingEngine(engineOptions);
      let steps = 0;
      const step = async (batch: Parameters<TrainingEngine['step']>[0]) => {
        const result = await engine.step(batch);
        return ++steps === STEPS_PER_EPOCH + 2 ? { ...result, gradientNorm: Number.NaN, applied: false } : result;
      };
      return { ...engine, step };
    };
    await expect(train(store, 'later', options([], { createEngine }))).rejects.toMatchObject({
      code: 'DIVERGED',
      message: expect.stringContaining('at step 11 '),
    });
    expect((await readAliases(store, 'later')).get('latest')!.step).toBe(STEPS_PER_EPOCH);
    await expect(train(store, 'later', options([]))).rejects.toMatchObject({
      code: 'DIVERGED',
      message: expect.stringContaining('at step 11 '),
    });
  });

  test.each([
    ['a validation loss', { evaluate: async () => ({ lossSum: Number.POSITIVE_INFINITY, tokens: 1 }) }],
    ['a weight', 'weight'],
  ])('%s that is not finite', async (_what, change) => {
    const training = typeof change === 'string' ? 'bad-weight' : 'bad-validation';
    await freeze(training);
    const createEngine = async (engineOptions: TrainingEngineOptions): Promise<TrainingEngine> => {
      const engine = await createOnnxTrainingEngine(engineOptions);
      if (typeof change !== 'string') return { ...engine, ...change };
      const state = () => {
        const found = engine.state();
        found.weights.get('lstm/bias')!.data[3] = Number.NaN;
        return found;
      };
      return { ...engine, state };
    };
    await expect(train(store, training, options([], { createEngine }))).rejects.toMatchObject({
      code: 'DIVERGED',
      message: expect.stringContaining('after step 9 '),
    });
    expect(await checkpointKeys(store, training)).toEqual([]);
  });
});
