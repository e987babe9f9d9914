import { setTimeout as sleep } from 'node:timers/promises';
import { latestManifestNumber } from '@showtell/shared/manifests';
import { listCommitted } from '@showtell/shared/planned-run';
import { connectRedis } from '@showtell/shared/queue/connection';
import { until } from '../../../packages/shared/test/queue/until';
import { checkInvariants } from '../invariants';
import type { PipelineRig } from '../pipeline-rig';
import type { WorkerProgram } from '../worker-program';
import { describeFault } from './fault';

const KILLS = 10;
const LEAST_SHARDS = 100;
const LONGEST_OUTAGE_MS = 1_000;
const EXITED_WELL = { code: 0, signal: null };

const committed = async (rig: PipelineRig, run: string) => (await listCommitted(rig.store, run)).size;
const isComplete = async (rig: PipelineRig, run: string) => (await latestManifestNumber(rig.store, run)) > 0;

/** Each is still there; it ends when it is told to. */
async function endAll(programs: readonly WorkerProgram[]): Promise<void> {
  for (const { child } of programs) {
    expect([child.exitCode, child.signalCode]).toEqual([null, null]);
    child.kill('SIGTERM');
  }
  for (const { exit } of programs) expect(await exit).toEqual(EXITED_WELL);
}

/** What a run's features are when nothing befell it. */
async function undisturbed(rig: PipelineRig, dataset: string) {
  const { run } = await rig.enqueue({ dataset, run: 'undisturbed', shardRows: 64 });
  await rig.drain();
  return (await checkInvariants(rig.store, run)).features;
}

describeFault(7, 'Redis kill -9 and restart with AOF, at 10 random times over 200 jobs', { stores: ['file', 's3'] }, (place) => {
  test('workers wait and reconnect; nothing lost or doubled', async () => {
    const seed = Number(process.env['SHOWTELL_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
    process.stderr.write(`fault 7 [${place.kind}]: SHOWTELL_TEST_SEED=${seed}\n`);
    const random = seeded(seed);
    const rig = await place.rig();
    const dataset = 'synthetic:140';
    const features = await undisturbed(rig, dataset);
    // An ingest job and an encode job each.
    const { run, shards } = await rig.enqueue({ dataset, run: 'disturbed', shardRows: 1 });
    expect(shards.planned).toBeGreaterThanOrEqual(LEAST_SHARDS);
    const programs = [place.program(rig, 'ingest'), place.program(rig, 'encoder'), place.program(rig, 'encoder')];
    // By what is done and not by the clock, so that a slow machine has its ten, too.
    const moments = Array.from({ length: KILLS }, () => Math.floor(random() * (shards.planned - 5))).sort((a, b) => a - b);
    for (const moment of moments) {
      await until(async () => (await committed(rig, run)) >= moment, 60_000);
      await sleep(random() * 200);
      await place.redis.kill();
      await sleep(random() * LONGEST_OUTAGE_MS);
      await place.redis.restart();
    }
    await until(() => isComplete(rig, run), 60_000);
    await endAll(programs);
    expect((await checkInvariants(rig.store, run)).features).toEqual(features);
    const said = programs.map((program) => program.said()).join('\n');
    expect(said.match(/shard committed/g)).toHaveLength(shards.planned);
    expect(said).not.toMatch(/failed for good/);
  }, 150_000);
});

describeFault(8, 'Redis wiped half-way', { stores: ['s3'] }, (place) => {
  test('enqueue of the same run adds only what is not committed', async () => {
    const rig = await place.rig();
    const request = { dataset: 'synthetic:60', run: 'wiped', shardRows: 2 };
    const { run, shards } = await rig.enqueue(request);
    const programs = [place.program(rig, 'ingest'), place.program(rig, 'encoder')];
    await until(async () => (await committed(rig, run)) >= 5, 40_000);
    const redis = connectRedis(rig.settings);
    try {
      await redis.multi().flushall().script('FLUSH').exec();
    } finally {
      redis.disconnect();
    }
    const before = await committed(rig, run);
    const again = await rig.enqueue(request);
    expect(again.shards.committed).toBeGreaterThanOrEqual(before);
    expect(again.shards.added + again.shards.committed).toBeLessThanOrEqual(shards.planned);
    await until(() => isComplete(rig, run), 60_000);
    await endAll(programs);
    await checkInvariants(rig.store, run);
    expect(
      programs
        .map(({ said }) => said())
        .join()
        .match(/shard committed/g),
    ).toHaveLength(shards.planned);
  }, 90_000);
});

describeFault(9, 'Redis memory limit reached', { stores: ['s3'] }, (place) => {
  const WATCHED_SECONDS = 6;

  test('enqueue stops with a clear error; run again, it completes; workers pause, under one log line a second', async () => {
    const rig = await place.rig();
    const { run } = await rig.enqueue({ dataset: 'synthetic:80', run: 'full', shardRows: 2 });
    const programs = [place.program(rig, 'ingest'), place.program(rig, 'encoder')];
    await until(async () => (await committed(rig, run)) >= 2, 40_000);
    const redis = connectRedis(rig.settings);
    try {
      await redis.config('SET', 'maxmemory', '1');
      const more = { dataset: 'synthetic:20', run: 'more', shardRows: 2 };
      await expect(rig.enqueue(more)).rejects.toMatchObject({ code: 'REDIS_FULL', exitCode: 4 });
      const showtell = place.showtell(rig, ['enqueue', 'synthetic:20', '--run', 'more-still', '--weights', rig.weightsFile]);
      expect((await showtell.exit).code).toBe(4);
      expect(showtell.said()).toMatch(/REDIS_FULL: Redis at 127\.0\.0\.1:\d+.* has reached its memory limit/);
      // What was at work when it became full has come to an end.
      await sleep(1_000);
      const said = () => programs.map((program) => program.said().split('\n'));
      const before = said();
      await sleep(WATCHED_SECONDS * 1_000);
      const heard = said().map((lines, index) => lines.slice(before[index]!.length));
      expect(heard.filter((lines) => lines.length >= WATCHED_SECONDS)).toEqual([]);
      expect(await isComplete(rig, run)).toBe(false);
      await redis.config('SET', 'maxmemory', '0');
      await rig.enqueue(more);
    } finally {
      redis.disconnect();
    }
    for (const name of [run, 'more']) {
      await until(() => isComplete(rig, name), 60_000);
      await checkInvariants(rig.store, name);
    }
    await endAll(programs);
  }, 120_000);
});

/** Mulberry32: numbers from 0 to 1 that are the same for the same seed. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
