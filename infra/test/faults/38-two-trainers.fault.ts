import type { Point } from '@showtell/shared/reached';
import { checkpointKeys } from '@showtell/trainer/checkpoint/checkpoints';
import { readLease } from '@showtell/trainer/checkpoint/lease';
import { until } from '../../../packages/shared/test/queue/until';
import { checkInvariants } from '../invariants';
import { atPoint, describeFault } from './fault';
import { checkLatest, checkSameAs, encodedRun, latestOf, startTraining, undisturbed } from './training-program';

interface Stop {
  readonly point: Point;
  readonly nth: number;
  /** Continued while its successor is at work; otherwise after the end. */
  readonly amidst: boolean;
}

/** In the first checkpoint no alias is there yet; in the second, `latest` could go back. */
const STOPS: readonly Stop[] = [
  { point: 'train:stepped', nth: 15, amidst: true },
  { point: 'checkpoint:figures-kept', nth: 2, amidst: false },
  { point: 'commit:parts-written', nth: 1, amidst: true },
  { point: 'commit:record-written', nth: 2, amidst: false },
  { point: 'checkpoint:before-aliases', nth: 1, amidst: true },
  { point: 'checkpoint:before-aliases', nth: 2, amidst: false },
];

describeFault(38, 'two trainers at once', { stores: ['file', 's3'] }, (place) => {
  test('while one trains, the second is refused', async () => {
    const rig = await place.rig({ lockSeconds: 2 });
    const run = await encodedRun(rig);
    const set = { epochs: 100_000, patience: null };
    const first = startTraining(place, rig, run, 'twice', { set });
    await until(() => first.events.some(({ event }) => event === 'checkpoint'), 30_000);
    const second = startTraining(place, rig, run, 'twice', { set, resume: true });
    expect(await second.exit).toEqual({ code: 6, signal: null });
    expect(second.said()).toMatch(
      /^LEASE_HELD: Training twice is being trained by \S+\.\d+ right now\n {2}Wait until it ends, or stop it: .*\n$/m,
    );
    first.child.kill('SIGTERM');
    expect(await first.exit).toEqual({ code: 0, signal: null });
    await checkLatest(rig.store, 'twice', first.events);
    expect((await readLease(rig.store, 'twice'))!.record).toMatchObject({ epoch: 1, released: true });
    await checkInvariants(rig.store, run);
  }, 180_000);

  test.each(STOPS)(
    'one stopped past its lease at $point ($nth), continued while the other trains: $amidst',
    async ({ point, nth, amidst }) => {
      const rig = await place.rig({ lockSeconds: 1 });
      const { store } = rig;
      const run = await encodedRun(rig);
      await undisturbed(store, run);
      const stop = atPoint(rig, { point, nth, subject: point.startsWith('commit:') ? '^trainings/.*/checkpoints/' : '', act: 'stop' });
      const old = startTraining(place, rig, run, 'taken', { env: stop.env });
      await until(() => stop.happened(), 30_000);
      const second = startTraining(place, rig, run, 'taken', { resume: true });
      const latest: number[] = [];
      const ended = second.exit.then(() => 'ended');
      const look = async () => void latest.push((await latestOf(store, 'taken'))?.step ?? 0);
      await until(() => second.events.some(({ event }) => event === 'start') || second.child.exitCode !== null, 30_000);
      if (amidst) old.child.kill('SIGCONT');
      while ((await Promise.race([ended, look()])) !== 'ended');
      expect({ ...(await second.exit), said: second.said() }).toMatchObject({ code: 0 });
      old.child.kill('SIGCONT');
      expect({ ...(await old.exit), said: old.said() }).toMatchObject({
        code: 6,
        said: expect.stringMatching(/^FENCED: .*\n {2}This process was away for longer than its lease\./m),
      });

      await look();
      expect(latest).toEqual([...latest].sort((a, b) => a - b));
      expect(await latestOf(store, 'taken')).toMatchObject({ leaseEpoch: 2, step: latest.at(-1) });
      expect((await readLease(store, 'taken'))!.record).toMatchObject({ epoch: 2, released: true });
      expect((await checkpointKeys(store, 'taken')).at(-1)).toMatchObject({ leaseEpoch: 2 });
      await checkSameAs(store, 'taken', [...old.events, ...second.events]);
      await checkLatest(store, 'taken', second.events);
      await checkInvariants(store, run);
    },
    180_000,
  );
});
