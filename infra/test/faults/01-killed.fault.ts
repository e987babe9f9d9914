import { statSync } from 'node:fs';
import { join } from 'node:path';
import { latestManifestNumber } from '@showtell/shared/manifests';
import { listCommitted } from '@showtell/shared/planned-run';
import type { Point } from '@showtell/shared/reached';
import { until } from '../../../packages/shared/test/queue/until';
import { checkInvariants } from '../invariants';
import type { PipelineRig } from '../pipeline-rig';
import type { WorkerProgram } from '../worker-program';
import { atPoint, describeFault, type Place } from './fault';
import { fullEncoder } from './full-encoder';

const DEATHS: [Point, 'ingest' | 'encoder'][] = [
  ['ingest:before-handover', 'ingest'],
  ['ingest:handed-over', 'ingest'],
  ['encode:fetched', 'encoder'],
  ['encode:encoded', 'encoder'],
  ['commit:parts-written', 'encoder'],
  ['commit:record-written', 'encoder'],
  ['encode:before-ack', 'encoder'],
  ['finalize:read', 'ingest'],
];
/** What timers and a process that is woken may take on a busy machine, beside what the queue's own times allow. */
const BUSY_MS = 3_000;

describeFault(1, 'SIGKILL of ingest, encoder or finalizer between two effects', { stores: ['file', 's3'] }, (place) => {
  let undisturbed: readonly string[];
  let undisturbedFull: readonly string[];
  beforeAll(async () => {
    undisturbed = await shardsOf(place);
    undisturbedFull = await shardsOf(place, fullRun);
  }, 60_000);
  const complete = (rig: PipelineRig, run: string) => until(async () => (await latestManifestNumber(rig.store, run)) > 0, 60_000);
  const check = async (rig: PipelineRig, run: string, expected = undisturbed) => {
    const { shardSha256s, manifests } = await checkInvariants(rig.store, run);
    expect(shardSha256s).toEqual(expected);
    expect(manifests).toBe(1);
  };

  test.each(DEATHS)(
    'at %s',
    async (point, stage) => {
      const rig = await place.rig();
      const { run } = await rig.enqueue();
      const once = join(rig.folder, 'died');
      const death = atPoint(rig, { point, act: 'kill', once });
      const dying = place.program(rig, stage, { env: death.env });
      place.program(rig, stage === 'ingest' ? 'encoder' : 'ingest');
      expect(await dying.exit).toEqual({ code: null, signal: 'SIGKILL' });
      const heir = place.program(rig, stage);
      await complete(rig, run);
      await check(rig, run);

      // The job runs again within the lock and two looks for stalled ones, once there is somebody to look.
      await until(() => heir.said().includes('took the job of a worker that is gone'), 30_000);
      const [ready, took] = ['worker is ready', 'took the job of a worker that is gone'].map((said) => timeOf(heir, said));
      const { lockSeconds, stalledSeconds } = rig.settings;
      expect(took! - Math.max(ready!, statSync(once).mtimeMs)).toBeLessThan((lockSeconds + 2 * stalledSeconds) * 1_000 + BUSY_MS);
    },
    90_000,
  );

  test.each([
    ['narrow', narrowRun, () => undisturbed],
    ['full', fullRun, () => undisturbedFull],
  ] as const)(
    'all stages at one time, again and again, with the %s encoder',
    async (_name, request, expected) => {
      const rig = await place.rig();
      const { run } = await rig.enqueue(await request(rig));
      for (const enough of [1, 3]) {
        const all = (['ingest', 'encoder', 'encoder'] as const).map((stage) => place.program(rig, stage));
        await until(async () => (await listCommitted(rig.store, run)).size >= enough, 60_000);
        for (const { child } of all) child.kill('SIGKILL');
        for (const { exit } of all) expect(await exit).toEqual({ code: null, signal: 'SIGKILL' });
      }
      for (const stage of ['ingest', 'encoder'] as const) place.program(rig, stage);
      await complete(rig, run);
      await check(rig, run, expected());
    },
    120_000,
  );
});

async function narrowRun(): ReturnType<typeof fullRun> {
  return {};
}

/** As many shards as the others, of fewer photos. */
async function fullRun(rig: PipelineRig): Promise<Parameters<PipelineRig['enqueue']>[0]> {
  return { ...(await fullEncoder(rig)), dataset: 'synthetic:24', shardRows: 4 };
}

/** What a run gives that nothing befell. */
async function shardsOf(place: Place, request: typeof fullRun = narrowRun): Promise<readonly string[]> {
  const rig = await place.rig();
  const { run } = await rig.enqueue(await request(rig));
  await rig.drain();
  return (await checkInvariants(rig.store, run)).shardSha256s;
}

/** Milliseconds since 1970 of the first line with that message. */
function timeOf({ said }: WorkerProgram, message: string): number {
  const line = said()
    .split('\n')
    .find((text) => text.includes(message));
  return Number(/"time":(\d+)/.exec(line ?? '')?.[1]);
}
