import { newestCheckpoint, readCheckpointFiles } from '../../src/checkpoint/checkpoints';
import { decodeTrainerFiles, TRAINER_FILES } from '../../src/checkpoint/files';
import type { TrainingEngine, TrainingEngineOptions } from '../../src/engine/engine';
import { createOnnxTrainingEngine } from '../../src/engine/onnx';
import { Random } from '../../src/model/random';
import { readDone } from '../../src/train/done';
import type { TrainEvent } from '../../src/train/events';
import { freezeTraining } from '../../src/train/freeze';
import { type TrainOptions, train } from '../../src/train/train';
import { temporaryStore } from '../temporary-store';
import { TINY, writeTinyRun } from '../tiny-run';

const store = temporaryStore();
beforeAll(() => writeTinyRun(store));

const KILLS = 20;
/** Everything that draws random numbers, and everything that a checkpoint must remember: patience, which never ends it here. */
const SETTINGS = { ...TINY, epochs: 14, patience: 14, dropout: 0.3, clipNorm: 1, schedule: 'cosine', warmupSteps: 5 };
const options = (events: TrainEvent[], holder: string, more: Partial<TrainOptions> = {}): TrainOptions => ({
  holder,
  leaseSeconds: 0.05,
  threads: 1,
  onEvent: (event) => events.push(event),
  ...more,
});

const freeze = (training: string, hyperparameters = {}) =>
  freezeTraining(store, { runs: ['tiny'], training, hyperparameters: { ...SETTINGS, ...hyperparameters }, seed: 3 });

async function end(training: string) {
  const newest = (await newestCheckpoint(store, training))!;
  const files = await readCheckpointFiles(store, newest, TRAINER_FILES);
  return { ...files, 'training.json': undefined };
}

/** An engine that dies in a step, as the process would; what was not committed is lost. */
function dying(afterSteps: number) {
  return async (engineOptions: TrainingEngineOptions): Promise<TrainingEngine> => {
    const engine = await createOnnxTrainingEngine(engineOptions);
    let steps = 0;
    return { ...engine, step: (batch) => (++steps > afterSteps ? Promise.reject(new Error('killed')) : engine.step(batch)) };
  };
}

test.each([
  ['its samples shuffled as a whole', {}],
  ['its samples shuffled in windows', { shuffleWindow: 15 }],
])('killed at 20 random steps and resumed, a training with %s has the loss log of one that was not', async (_what, settings) => {
  const [whole, killed] = [`whole-${Object.keys(settings).length}`, `killed-${Object.keys(settings).length}`];
  await freeze(whole, settings);
  const events: TrainEvent[] = [];
  await train(store, whole, options(events, 'whole'));

  await freeze(killed, settings);
  const random = new Random(20);
  const told: TrainEvent[] = [];
  let kills = 0;
  for (; !(await readDone(store, killed)); kills++) {
    const createEngine = dying(kills < KILLS ? 3 + random.below(7) : Number.POSITIVE_INFINITY);
    // Commits mid-epoch, so that the training gets on however short a life is.
    const life = train(store, killed, options(told, `life-${kills}`, { createEngine, checkpointSteps: 4 }));
    await life.catch((error: unknown) => expect(error).toMatchObject({ message: 'killed' }));
  }
  expect(kills).toBeGreaterThan(KILLS);

  const log = (all: TrainEvent[]) =>
    new Map(
      all.flatMap((event) =>
        event.event === 'step'
          ? [[`step ${event.step}`, [event.loss, event.gradientNorm, event.learningRate]]]
          : event.event === 'epoch'
            ? [[`epoch ${event.epoch}`, [event.loss, event.validationLoss, event.validationCider, event.learningRate, event.best]]]
            : [],
      ),
    );
  expect(log(told)).toEqual(log(events));
  expect(log(events).size).toBe(14 * 9 + 14);
  // Steps that were taken again, too, have the losses that they had.
  const expected = log(events);
  for (const event of told) if (event.event === 'step') expect(event.loss).toBe(expected.get(`step ${event.step}`)![0]);
  expect(await end(killed)).toEqual(await end(whole));
});

describe('with patience', () => {
  /** Validation says what the epoch is told to be worth: lower is better. */
  function validating(losses: readonly number[], dieAfter = Number.POSITIVE_INFINITY) {
    return async (engineOptions: TrainingEngineOptions): Promise<TrainingEngine> => {
      const engine = await createOnnxTrainingEngine(engineOptions);
      let steps = 0;
      const step = (batch: Parameters<TrainingEngine['step']>[0]) =>
        ++steps > dieAfter ? Promise.reject(new Error('killed')) : engine.step(batch);
      const evaluate = async () => ({ lossSum: losses[engine.state().step / 9 - 1]!, tokens: 1 });
      return { ...engine, step, evaluate };
    };
  }
  const LOSSES = [5, 4, 3, 3.5, 3.25, 3, 2, 1];
  const EPOCHS = { epochs: 8, patience: 3, validationMetric: 'loss' };

  test('a training ends after so many epochs without a better one, and says why', async () => {
    await freeze('patient', EPOCHS);
    const events: TrainEvent[] = [];
    const ended = await train(store, 'patient', options(events, 'patient', { createEngine: validating(LOSSES) }));
    expect(ended).toEqual({ outcome: 'completed', step: 6 * 9, epoch: 6 });
    const reason = 'no better validation loss in 3 epochs since epoch 3';
    expect(await readDone(store, 'patient')).toMatchObject({ outcome: 'completed', epoch: 6, reason });
    expect(events.at(-1)).toMatchObject({ event: 'end', outcome: 'completed', reason });
    expect(events.flatMap((event) => (event.event === 'epoch' && event.best === true ? [event.epoch] : []))).toEqual([1, 2, 3]);
  });

  test('killed in any epoch and resumed, it ends at the same one', async () => {
    await freeze('mortal', EPOCHS);
    for (let life = 0; !(await readDone(store, 'mortal')); life++) {
      expect(life).toBeLessThan(10);
      const createEngine = validating(LOSSES, 10);
      await train(store, 'mortal', options([], `mortal-${life}`, { createEngine })).catch((error: unknown) =>
        expect(error).toMatchObject({ message: 'killed' }),
      );
    }
    expect(await end('mortal')).toEqual(await end('patient'));
    const { cursor } = decodeTrainerFiles(
      await readCheckpointFiles(store, (await newestCheckpoint(store, 'mortal'))!, TRAINER_FILES),
      'mortal/',
    );
    expect(cursor).toMatchObject({ epoch: 6, best: { epoch: 3, step: 27, loss: 3 } });
  });

  test('killed between its last checkpoint and its end, it ends without another step', async () => {
    await freeze('almost', EPOCHS);
    const deaf = new Proxy(store, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (name === 'putIfAbsent')
          return (key: string, ...rest: [Uint8Array]) =>
            key.endsWith('done.json') ? Promise.reject(new Error('killed')) : target.putIfAbsent(key, ...rest);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
    await expect(train(deaf, 'almost', options([], 'almost', { createEngine: validating(LOSSES) }))).rejects.toThrow('killed');
    const events: TrainEvent[] = [];
    expect(await train(store, 'almost', options(events, 'again'))).toMatchObject({ outcome: 'completed', epoch: 6 });
    expect(events.map(({ event }) => event)).not.toContain('step');
  });
});
