import { keys } from '@showtell/shared/keys';
import { openQueues } from '@showtell/shared/queue/open-queues';
import { jobIds } from '@showtell/shared/queue/queues';
import type { Point } from '@showtell/shared/reached';
import { Shutdown } from '@showtell/shared/shutdown';
import { enqueueTraining } from '@showtell/trainer/admin/enqueue-training';
import { newestCheckpoint } from '@showtell/trainer/checkpoint/checkpoints';
import { readLease } from '@showtell/trainer/checkpoint/lease';
import { readDone } from '@showtell/trainer/train/done';
import type { TrainEvent } from '@showtell/trainer/train/events';
import pino from 'pino';
import { until } from '../../../packages/shared/test/queue/until';
import { checkInvariants } from '../invariants';
import type { WorkerProgram } from '../worker-program';
import { atPoint, describeFault } from './fault';
import { checkLatest, checkSameAs, encodedRun, latestOf, requestOf, startTraining, undisturbed } from './training-program';

const CHECKPOINT = '^trainings/.*/checkpoints/';
const STOPS: readonly { readonly where: string; readonly point: Point; readonly nth: number }[] = [
  { where: 'a step', point: 'train:stepped', nth: 14 },
  { where: 'a save, before its first part', point: 'checkpoint:figures-kept', nth: 1 },
  { where: 'a save, among its parts', point: 'commit:part-written', nth: 3 },
  { where: 'a save, before its record', point: 'commit:parts-written', nth: 1 },
  { where: 'a save, before its aliases', point: 'checkpoint:before-aliases', nth: 2 },
  { where: 'an evaluation', point: 'train:validating', nth: 1 },
];

const DRAIN_SECONDS = 10;

/** The exit of a program that is told to stop within its time; fails when it takes longer. */
async function exitInTime(program: WorkerProgram, isTold: () => boolean) {
  await until(isTold, 60_000);
  await until(() => program.child.exitCode !== null || program.child.signalCode !== null, DRAIN_SECONDS * 1_000);
  return { ...(await program.exit), said: program.said() };
}

describeFault(40, 'SIGTERM in a step, a save and an evaluation; then resumed', { stores: ['file', 's3'] }, (place) => {
  test('train --here ends with 0 in its time, saved; the losses are those of a training that nobody stopped', async () => {
    const rig = await place.rig({ drainSeconds: DRAIN_SECONDS });
    const { store } = rig;
    const run = await encodedRun(rig);
    await undisturbed(store, run);
    const told: TrainEvent[] = [];
    for (const { where, point, nth } of STOPS) {
      const stop = atPoint(rig, { point, nth, subject: point.startsWith('commit:') ? CHECKPOINT : '', act: 'term' });
      const program = startTraining(place, rig, run, 'stopped', { resume: told.length > 0, env: stop.env });
      expect([where, await exitInTime(program, stop.happened)]).toMatchObject([where, { code: 0, signal: null }]);
      told.push(...program.events);
      const last = program.events.findLast((event) => event.event === 'step')!;
      expect(program.events.at(-1)).toMatchObject({ event: 'end', outcome: 'stopped', step: last.step });
      // Every step that was taken is kept, and the next one may begin at once.
      expect(await latestOf(store, 'stopped')).toMatchObject({ step: last.step });
      expect((await readLease(store, 'stopped'))!.record.released).toBe(true);
      await checkLatest(store, 'stopped', told);
    }
    const steps = told.flatMap((event) => (event.event === 'step' ? [event.step] : []));
    expect(new Set(steps).size).toBe(steps.length);
    const program = startTraining(place, rig, run, 'stopped', { resume: true });
    expect(await program.exit).toEqual({ code: 0, signal: null });
    await checkSameAs(store, 'stopped', [...told, ...program.events]);
    await checkInvariants(store, run);
  }, 240_000);

  test('a worker ends with 0 in its time and gives the job back; another ends the training', async () => {
    const rig = await place.rig({ drainSeconds: DRAIN_SECONDS });
    const { store } = rig;
    const run = await encodedRun(rig);
    await undisturbed(store, run);
    const opened = new Shutdown(pino({ level: 'silent' }));
    try {
      const { queues } = await openQueues(rig.settings, pino({ level: 'silent' }), opened);
      await enqueueTraining(store, queues, requestOf(run, 'given-back'));
      const stop = atPoint(rig, { point: 'train:validating', nth: 2, act: 'term' });
      const first = place.program(rig, 'trainer', { env: stop.env });
      expect(await exitInTime(first, stop.happened)).toMatchObject({ code: 0, signal: null });
      expect(await queues.train.getJobState(jobIds.train('given-back'))).toMatch(/^(delayed|waiting|prioritized)$/);
      expect(await readDone(store, 'given-back')).toBeUndefined();
      const second = place.program(rig, 'trainer', { args: ['--once'] });
      expect(await second.exit).toEqual({ code: 0, signal: null });
      expect(await queues.train.getJobState(jobIds.train('given-back'))).toBe('completed');
      expect((await newestCheckpoint(store, 'given-back'))!.record.leaseEpoch).toBeGreaterThanOrEqual(2);
      await checkSameAs(store, 'given-back', []);
      await checkInvariants(store, run);
    } finally {
      await opened.run();
    }
  }, 180_000);

  test('resumed with another config or vocabulary it is refused, and the difference is told', async () => {
    const rig = await place.rig();
    const { store } = rig;
    const run = await encodedRun(rig);
    const stop = atPoint(rig, { point: 'train:stepped', nth: 14, act: 'term' });
    expect(await startTraining(place, rig, run, 'changed', { env: stop.env }).exit).toEqual({ code: 0, signal: null });
    const latest = await latestOf(store, 'changed');
    const refused = async (set: Readonly<Record<string, unknown>>, message: RegExp) => {
      const program = startTraining(place, rig, run, 'changed', { resume: true, set });
      expect({ ...(await program.exit), said: program.said() }).toEqual({ code: 2, signal: null, said: expect.stringMatching(message) });
      expect(await latestOf(store, 'changed')).toEqual(latest);
    };
    await refused(
      { batchSize: 9, schedule: 'linear' },
      /^TRAINING_EXISTS: Training changed exists with other settings:\n {2}hyperparameters\.batchSize: 16 there, 9 asked for\n {2}hyperparameters\.schedule: "cosine" there, "linear" asked for\n/m,
    );
    // Somebody has written to the store by hand.
    const key = keys.trainingJson('changed');
    const { body } = (await store.get(key))!;
    await store.put(key, Buffer.from(body.toString().replace('"minWordCount":1', '"minWordCount":30')));
    await refused(
      { minWordCount: 30 },
      /^TRAINING_EXISTS: Checkpoint trainings\/changed\/checkpoints\/\S+ was made with other settings:\n {2}hyperparameters\.minWordCount: 1 there, 30 asked for\n {2}vocabulary: \d+ words there, \d+ asked for; gone: .+; new: none\n/m,
    );
    await store.put(key, body);
    await undisturbed(store, run);
    const again = startTraining(place, rig, run, 'changed', { resume: true });
    expect(await again.exit).toEqual({ code: 0, signal: null });
    await checkSameAs(store, 'changed', again.events);
    await checkInvariants(store, run);
  }, 180_000);
});
