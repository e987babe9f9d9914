import { collectGarbage } from '@showtell/ingest/admin/collect-garbage';
import type { Point } from '@showtell/shared/reached';
import { checkpointKeys } from '@showtell/trainer/checkpoint/checkpoints';
import { TRAINER_FILES } from '@showtell/trainer/checkpoint/files';
import type { TrainEvent } from '@showtell/trainer/train/events';
import { checkInvariants } from '../invariants';
import { atPoint, describeFault } from './fault';
import { checkLatest, checkSameAs, encodedRun, latestOf, startTraining, undisturbed } from './training-program';

interface Death {
  readonly point: Point;
  readonly nth: number;
  /** Whether the checkpoint that was being saved is there. */
  readonly committed: boolean;
  readonly moved: boolean;
}

const EACH_PART = TRAINER_FILES.map((_file, part) => part + 1);

/** `parts`: after how many of a checkpoint's parts. */
const deathsAt = (parts: readonly number[]): readonly Death[] => [
  { point: 'checkpoint:figures-kept', nth: 1, committed: false, moved: false },
  ...parts.map((nth): Death => ({ point: 'commit:part-written', nth, committed: false, moved: false })),
  { point: 'commit:parts-written', nth: 1, committed: false, moved: false },
  { point: 'commit:record-written', nth: 1, committed: true, moved: false },
  // Who resumes moves the aliases for the one that died before it did: that is the first time.
  { point: 'checkpoint:before-aliases', nth: 1, committed: false, moved: false },
  { point: 'checkpoint:before-aliases', nth: 2, committed: true, moved: false },
  { point: 'checkpoint:latest-moved', nth: 2, committed: true, moved: true },
];

describeFault(37, 'SIGKILL at each part of a checkpoint', { stores: ['file', 's3'] }, (place) => {
  test('latest stays, the checkpoint before restores, gc lists the orphan, and the end is the same', async () => {
    const rig = await place.rig({ lockSeconds: 1 });
    const { store } = rig;
    const run = await encodedRun(rig);
    await undisturbed(store, run);
    const told: TrainEvent[] = [];
    const life = async (env?: NodeJS.ProcessEnv) => {
      const program = startTraining(place, rig, run, 'killed', { resume: told.length > 0, ...(env && { env }) });
      const exit = await program.exit;
      told.push(...program.events);
      return exit;
    };
    // There shall be a checkpoint before.
    const first = atPoint(rig, { point: 'checkpoint:latest-moved', act: 'kill' });
    expect(await life(first.env)).toEqual({ code: null, signal: 'SIGKILL' });

    const orphans = new Set<string>();
    for (const { point, nth, committed, moved } of deathsAt(place.kind === 'file' ? EACH_PART : [1, 4])) {
      const before = { latest: (await latestOf(store, 'killed'))!, keys: await checkpointKeys(store, 'killed') };
      const death = atPoint(rig, { point, nth, subject: point.startsWith('commit:') ? '^trainings/.*/checkpoints/' : '', act: 'kill' });
      expect([point, nth, await life(death.env), death.happened()]).toEqual([point, nth, { code: null, signal: 'SIGKILL' }, true]);
      const now = await checkpointKeys(store, 'killed');
      expect([point, nth, now.length]).toEqual([point, nth, before.keys.length + Number(committed)]);
      // A life begins by moving `latest` to the newest that it finds.
      const expected = moved
        ? now.at(-1)!.folder
        : point === 'checkpoint:before-aliases' && nth === 1
          ? before.latest.checkpoint
          : before.keys.at(-1)!.folder;
      expect([point, nth, (await latestOf(store, 'killed'))!.checkpoint]).toEqual([point, nth, expected]);
      await checkLatest(store, 'killed', told);
      const { garbage, unknown, unreadable } = await collectGarbage({ store, force: true, olderThanSeconds: 0 });
      const parts = garbage.filter(({ kind }) => kind === 'checkpointPart').map(({ key }) => key);
      const fresh = parts.filter((key) => !orphans.has(key));
      // Parts are written at once, so that more than are told of may be there.
      if (point === 'commit:part-written') expect(fresh.length).toBeGreaterThanOrEqual(nth);
      if (point === 'commit:parts-written') expect(fresh).toHaveLength(TRAINER_FILES.length);
      if (committed) expect(fresh).toEqual([]);
      for (const key of fresh) orphans.add(key);
      expect(new Set(parts)).toEqual(orphans);
      expect([unknown.count, unreadable]).toEqual([0, []]);
    }
    expect(await life()).toEqual({ code: 0, signal: null });
    await checkSameAs(store, 'killed', told);
    await checkLatest(store, 'killed', told);
    await checkInvariants(store, run);
  }, 300_000);
});
