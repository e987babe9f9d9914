import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BenchRedis, type BenchStore, startBenchRedis, startBenchStore } from '../../bench/src/scale-servers';
import { brokenPromises, proveSharing } from '../../bench/src/sharing-proof';
import { describeRedis } from './redis-server';

describeRedis('runs that share the workers', () => {
  let folder: string;
  let redis: BenchRedis;
  let objects: BenchStore;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'showtell-sharing-'));
    redis = await startBenchRedis(join(folder, 'redis'), { aof: true });
    objects = await startBenchStore(join(folder, 'objects'));
  });
  afterAll(async () => {
    await redis.stop();
    await objects.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test('get what they were promised, whoever is paused, resumed, cancelled or killed; nothing is lost, twice or left', async () => {
    const proof = await proveSharing({ redis, objects }, folder, {
      pixelWindow: 0,
      shards: 200,
      measured: 28,
      secondsPerShard: 0.03,
      workers: 2,
      hold: true,
    });
    expect(proof.phases).toHaveLength(7);
    // Turns are whole shards, and each worker has one at work when a phase begins and when it ends.
    expect(brokenPromises(proof.phases, 5)).toEqual([]);
    expect(Object.values(proof.runs).map(({ shards }) => shards)).toEqual([200, 200, 200]);
  }, 120_000);
});
