import { setTimeout as sleep } from 'node:timers/promises';
import { keys } from '@showtell/shared/keys';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { readAliases } from '../../src/checkpoint/aliases';
import { checkpointKeys, newestCheckpoint, readCheckpointFiles } from '../../src/checkpoint/checkpoints';
import { decodeTrainerFiles, TRAINER_FILES } from '../../src/checkpoint/files';
import { readLease } from '../../src/checkpoint/lease';
import type { TrainingEngine, TrainingEngineOptions } from '../../src/engine/engine';
import { createOnnxTrainingEngine } from '../../src/engine/onnx';
import { Random } from '../../src/model/random';
import { readDone } from '../../src/train/done';
import type { TrainEvent } from '../../src/train/events';
import { freezeTraining } from '../../src/train/freeze';
import { type TrainOptions, train } from '../../src/train/train';
import { dyingStore, sleepyStore, temporaryStore } from '../temporary-store';
import { TINY, writeTinyRun } from '../tiny-run';

const store = temporaryStore();
beforeAll(() => writeTinyRun(store));

/** 66 captions in batches of 8. */
const STEPS_PER_EPOCH = 9;
const STEPS = 3 * STEPS_PER_EPOCH;

let holders = 0;
/** A trainer process of its own, as far as the store can tell. */
function options(events: TrainEvent[], more: Partial<TrainOptions> = {}): TrainOptions {
  return { holder: `trainer-${holders++}`, leaseSeconds: 0.2, threads: 1, onEvent: (event) => events.push(event), ...more };
}

async function freeze(training: string, hyperparameters = {}): Promise<void> {
  await freezeTraining(store, { runs: ['tiny'], preset: 'seed', training, hyperparameters: { ...TINY, ...hyperparameters }, seed: 5 });
}

const of = <Name extends TrainEvent['event']>(events: TrainEvent[], name: Name) =>
  events.filter((event): event is Extract<TrainEvent, { event: Name }> => event.event === name);
const lossesByStep = (events: TrainEvent[]) => new Map(of(events, 'step').map(({ step, loss }) => [step, loss]));
/** A trainer may tell of an epoch and lose its lease, or its life, before the epoch is committed. */
const epochLosses = (events: TrainEvent[]) =>
  new Map(of(events, 'epoch').map(({ epoch, loss, validationLoss, validationCider }) => [epoch, [loss, validationLoss, validationCider]]));

/** Weights, optimizer and cursor of the newest checkpoint, as bytes. */
async function newestBytes(training: string, on: ObjectStore = store) {
  const { 'training.json': _, ...files } = await readCheckpointFiles(on, (await newestCheckpoint(on, training))!, TRAINER_FILES);
  return files;
}

let uninterrupted: { events: TrainEvent[]; bytes: Awaited<ReturnType<typeof newestBytes>> };
beforeAll(async () => {
  await freeze('whole');
  const events: TrainEvent[] = [];
  await train(store, 'whole', options(events));
  uninterrupted = { events, bytes: await newestBytes('whole') };
});

/** Of all sessions together: every step has the loss that it has without any interruption, whoever took it and however often. */
function expectSameLosses(sessions: TrainEvent[][]): void {
  const expected = lossesByStep(uninterrupted.events);
  const seen = new Set<number>();
  for (const { step, loss } of sessions.flatMap((events) => of(events, 'step'))) {
    expect([step, loss]).toEqual([step, expected.get(step)]);
    seen.add(step);
  }
  expect(seen.size).toBe(STEPS);
  expect(epochLosses(sessions.flat())).toEqual(epochLosses(uninterrupted.events));
}

test('a training goes through all epochs, learns, and leaves checkpoints, aliases and its end', async () => {
  const { events } = uninterrupted;
  expect(of(events, 'step').map(({ step }) => step)).toEqual(Array.from({ length: STEPS }, (_, index) => index + 1));
  expect(of(events, 'start')[0]).toMatchObject({
    samples: 66,
    validationSamples: 24,
    stepsPerEpoch: STEPS_PER_EPOCH,
    step: 0,
    leaseEpoch: 1,
  });
  const validation = of(events, 'epoch').map(({ validationLoss }) => validationLoss!);
  expect(validation).toHaveLength(3);
  expect(validation.at(-1)).toBeLessThan(0.7 * validation[0]!);
  expect((await checkpointKeys(store, 'whole')).map(({ step }) => step)).toEqual([9, 18, 27]);
  const aliases = await readAliases(store, 'whole');
  expect(aliases.get('latest')!.step).toBe(STEPS);
  // Three epochs are not enough for a caption that is any good: the loss decides.
  expect(aliases.get('best')).toMatchObject({ metric: { name: 'validationCider', value: 0 }, split: 'tiny:val', step: STEPS });
  expect(await readDone(store, 'whole')).toMatchObject({ outcome: 'completed', step: STEPS, epoch: 3 });
  expect((await readLease(store, 'whole'))!.record.released).toBe(true);
});

test('what is done is not trained again', async () => {
  const events: TrainEvent[] = [];
  expect(await train(store, 'whole', options(events))).toEqual({ outcome: 'completed', step: STEPS, epoch: 3 });
  expect(events).toEqual([{ event: 'end', outcome: 'completed', step: STEPS, epoch: 3, reason: 'all epochs are done' }]);
});

test('stopped at random steps and resumed, it is the same training to the last bit', async () => {
  await freeze('stopped');
  const random = new Random(11);
  const sessions: TrainEvent[][] = [];
  for (let outcome = 'stopped'; outcome === 'stopped'; ) {
    const events: TrainEvent[] = [];
    const stop = new AbortController();
    let left = 1 + random.below(8);
    const onEvent = (event: TrainEvent) => {
      events.push(event);
      if (event.event === 'step' && --left === 0) stop.abort();
    };
    ({ outcome } = await train(store, 'stopped', options(events, { signal: stop.signal, onEvent })));
    sessions.push(events);
    expect(of(events, 'end')).toMatchObject([{ outcome }]);
    expect((await readAliases(store, 'stopped')).get('latest')!.step).toBe(of(events, 'step').at(-1)!.step);
  }
  expect(sessions.length).toBeGreaterThan(3);
  // Nothing is trained twice, since every stop saves.
  expect(sessions.flatMap((events) => of(events, 'step'))).toHaveLength(STEPS);
  expectSameLosses(sessions);
  expect(await newestBytes('stopped')).toEqual(uninterrupted.bytes);
});

test('stopped in the validation of an epoch, it validates when resumed', async () => {
  await freeze('validating');
  const stop = new AbortController();
  const createEngine = async (engineOptions: TrainingEngineOptions): Promise<TrainingEngine> => {
    const engine = await createOnnxTrainingEngine(engineOptions);
    const evaluate = (batch: Parameters<TrainingEngine['evaluate']>[0]) => {
      stop.abort();
      return engine.evaluate(batch);
    };
    return { ...engine, evaluate };
  };
  const [first, second]: [TrainEvent[], TrainEvent[]] = [[], []];
  const stopped = await train(store, 'validating', options(first, { signal: stop.signal, createEngine }));
  expect(stopped).toEqual({ outcome: 'stopped', step: STEPS_PER_EPOCH, epoch: 0 });
  await train(store, 'validating', options(second));
  expectSameLosses([first, second]);
  expect(await newestBytes('validating')).toEqual(uninterrupted.bytes);
});

test('stopped while it loads or waits for the lease, it has done nothing', async () => {
  await freeze('early');
  const stop = new AbortController();
  stop.abort(new Error('stop'));
  const events: TrainEvent[] = [];
  await expect(train(store, 'early', options(events, { signal: stop.signal }))).resolves.toEqual({ outcome: 'stopped', step: 0, epoch: 0 });
  expect(events).toEqual([{ event: 'end', outcome: 'stopped', step: 0, epoch: 0 }]);
  expect(await newestCheckpoint(store, 'early')).toBeUndefined();
  expect((await readLease(store, 'early'))?.record.released).not.toBe(false);
});

test('killed at any write, it goes on from the last committed checkpoint to the same end', async () => {
  await freeze('killed');
  const random = new Random(3);
  const sessions: TrainEvent[][] = [];
  let latest = 0;
  for (let tries = 0; (await readDone(store, 'killed')) === undefined; tries++) {
    expect(tries).toBeLessThan(40);
    const events: TrainEvent[] = [];
    const dying = dyingStore(store, 4 + random.below(25));
    await train(dying, 'killed', options(events, { checkpointSteps: 4 })).catch((error: unknown) => {
      expect(error).toMatchObject({ message: 'killed' });
    });
    sessions.push(events);
    const now = (await readAliases(store, 'killed')).get('latest')?.step ?? 0;
    expect(now).toBeGreaterThanOrEqual(latest);
    latest = now;
  }
  expect(sessions.length).toBeGreaterThan(3);
  expect(latest).toBe(STEPS);
  const expected = lossesByStep(uninterrupted.events);
  for (const { step, loss } of sessions.flatMap((events) => of(events, 'step'))) expect([step, loss]).toEqual([step, expected.get(step)]);
  expect(await newestBytes('killed')).toEqual(uninterrupted.bytes);
});

test('while one trains, a second is refused', async () => {
  await freeze('twice');
  let goOn = () => {};
  const gate = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const createEngine = async (engineOptions: TrainingEngineOptions): Promise<TrainingEngine> => {
    await gate;
    return createOnnxTrainingEngine(engineOptions);
  };
  const first = train(store, 'twice', options([], { createEngine }));
  while ((await readLease(store, 'twice')) === undefined) await sleep(1);
  await expect(train(store, 'twice', options([], { leaseSeconds: 5 }))).rejects.toMatchObject({ code: 'LEASE_HELD' });
  goOn();
  await expect(first).resolves.toMatchObject({ outcome: 'completed', step: STEPS });
});

test('a trainer that was away for longer than its lease is fenced and harms nothing', async () => {
  await freeze('fenced');
  const [first, second]: [TrainEvent[], TrainEvent[]] = [[], []];
  const process = sleepyStore(store);
  let successor: Promise<unknown> | undefined;
  const createEngine = async (engineOptions: TrainingEngineOptions): Promise<TrainingEngine> => {
    const engine = await createOnnxTrainingEngine(engineOptions);
    let steps = 0;
    return {
      ...engine,
      step: async (batch) => {
        // In the second epoch this process falls asleep, as under SIGSTOP: its renewals stop, and another one trains to the end.
        if (++steps === STEPS_PER_EPOCH + 3) {
          await process.sleep();
          successor = train(store, 'fenced', options(second));
          await successor;
          process.wake();
        }
        return engine.step(batch);
      },
    };
  };
  await expect(train(process.store, 'fenced', options(first, { createEngine }))).rejects.toMatchObject({ code: 'FENCED' });
  await expect(successor).resolves.toMatchObject({ outcome: 'completed', step: STEPS });
  const aliases = await readAliases(store, 'fenced');
  expect(aliases.get('latest')).toMatchObject({ step: STEPS, leaseEpoch: 2 });
  expect((await checkpointKeys(store, 'fenced')).map(({ step, leaseEpoch }) => [leaseEpoch, step])).toEqual([
    [1, 9],
    [2, 18],
    [2, 27],
  ]);
  expect(epochLosses([...first, ...second])).toEqual(epochLosses(uninterrupted.events));
});

test('a checkpoint of another config is not gone on with, and the difference is told', async () => {
  await freeze('config');
  const stop = new AbortController();
  await train(store, 'config', options([], { signal: stop.signal, onEvent: ({ event }) => event === 'step' && stop.abort() }));
  const key = keys.trainingJson('config');
  await store.put(key, Buffer.from((await store.get(key))!.body.toString().replace('"minWordCount":1', '"minWordCount":30')));
  await expect(train(store, 'config', options([]))).rejects.toMatchObject({
    code: 'TRAINING_EXISTS',
    message: expect.stringMatching(/hyperparameters\.minWordCount: 1 there, 30 asked for[^]*vocabulary: .* gone: .*boat/),
  });
});

test('a damaged checkpoint is told by the name of its file', async () => {
  await freeze('damaged');
  const stop = new AbortController();
  await train(store, 'damaged', options([], { signal: stop.signal, onEvent: ({ event }) => event === 'step' && stop.abort() }));
  const { folder: at } = (await newestCheckpoint(store, 'damaged'))!;
  const body = (await store.get(`${at}optimizer.safetensors`))!.body;
  body[body.length - 1]! ^= 1;
  await store.put(`${at}optimizer.safetensors`, body);
  await expect(train(store, 'damaged', options([]))).rejects.toMatchObject({
    code: 'CORRUPT_CHECKPOINT',
    message: expect.stringContaining(`${at}optimizer.safetensors`),
  });
});

test('the checkpoint of a resumed training says what it was made with', async () => {
  const newest = (await newestCheckpoint(store, 'whole'))!;
  const { cursor, training } = decodeTrainerFiles(await readCheckpointFiles(store, newest, TRAINER_FILES), newest.folder);
  expect(cursor).toMatchObject({ seed: 5, epoch: 3, batch: 0, step: STEPS, lossSum: 0, lossCount: 0 });
  expect(training.training).toBe('whole');
});
