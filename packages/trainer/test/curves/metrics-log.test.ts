import { keys } from '@showtell/shared/keys';
import type { FigureLine } from '../../src/curves/metric-lines';
import { readMetrics } from '../../src/curves/read-metrics';
import { Random } from '../../src/model/random';
import { readDone } from '../../src/train/done';
import type { TrainEvent } from '../../src/train/events';
import { freezeTraining } from '../../src/train/freeze';
import { train } from '../../src/train/train';
import { dyingStore, temporaryStore } from '../temporary-store';
import { TINY, writeTinyRun } from '../tiny-run';

const store = temporaryStore();
beforeAll(() => writeTinyRun(store));

const freeze = (training: string, validationSplits?: []) =>
  freezeTraining(store, { runs: ['tiny'], preset: 'seed', training, hyperparameters: TINY, seed: 5, validationSplits });

/** What does not depend on the machine and the moment. */
const steady = (lines: readonly FigureLine[]) =>
  lines.map((line) => Object.fromEntries(Object.entries(line).filter(([name]) => !['time', 'tokensPerSecond', 'seconds'].includes(name))));

let holders = 0;
const options = () => ({ holder: `metrics-${holders++}`, leaseSeconds: 0.1, threads: 1 });

test('killed again and again, a training has each step and epoch once, with the figures of one that was never killed', async () => {
  await freeze('whole');
  const events: TrainEvent[] = [];
  await train(store, 'whole', { ...options(), onEvent: (event) => events.push(event) });
  const whole = await readMetrics(store, 'whole');
  expect(whole.filter(({ event }) => event === 'step').map(({ step, loss }) => [step, loss])).toEqual(
    events.flatMap((event) => (event.event === 'step' ? [[event.step, event.loss]] : [])),
  );
  expect(whole.filter(({ event }) => event === 'epoch').map(({ step, epoch }) => [step, epoch])).toEqual([
    [9, 1],
    [18, 2],
    [27, 3],
  ]);

  await freeze('killed');
  const random = new Random(8);
  let tries = 0;
  for (; !(await readDone(store, 'killed')); tries++) {
    expect(tries).toBeLessThan(60);
    const dying = dyingStore(store, 6 + random.below(20));
    await train(dying, 'killed', { ...options(), checkpointSteps: 4 }).catch((error: unknown) => {
      expect(error).toMatchObject({ message: 'killed' });
    });
    const steps = (await readMetrics(store, 'killed')).filter(({ event }) => event === 'step').map(({ step }) => step);
    expect(steps).toEqual(Array.from(steps, (_, index) => index + 1));
  }
  expect(tries).toBeGreaterThan(3);
  expect(steady(await readMetrics(store, 'killed'))).toEqual(steady(whole));
});

test('a training without validation says so in its epochs', async () => {
  await freeze('unvalidated', []);
  await train(store, 'unvalidated', options());
  const epochs = (await readMetrics(store, 'unvalidated')).filter(({ event }) => event === 'epoch');
  expect(epochs.map(({ validationLoss }) => validationLoss)).toEqual([null, null, null]);
});

test('before the first checkpoint there is nothing, and a damaged part is told by its key', async () => {
  await freeze('fresh');
  expect(await readMetrics(store, 'fresh')).toEqual([]);
  const key = keys.metricsPart('fresh', 1, 0);
  await store.put(key, Buffer.from('{"event":"step"}\n'));
  await expect(readMetrics(store, 'fresh')).rejects.toMatchObject({ code: 'CORRUPT_OBJECT', message: expect.stringContaining(key) });
});
