import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256 } from '../src/hash';
import { keys } from '../src/keys';
import { newestManifest } from '../src/manifests';
import { FileStore } from '../src/object-store/file';
import { noSuchRun, PlannedRuns, runNames } from '../src/planned-run';
import type { PlanRecord } from '../src/schema/plan';
import { encodeRecord } from '../src/schema/record';
import type { RunRecord } from '../src/schema/run';
import { NO_FINDINGS } from './no-findings';

const folder = mkdtempSync(join(tmpdir(), 'showtell-planned-run-'));
afterAll(() => rmSync(folder, { recursive: true }));

const identity = { encoder: 'e', weightsSha256: 'a'.repeat(64), preprocessing: 'p', precision: 'float32', dimension: 4 } as const;
const request = (run: string): RunRecord => ({
  ...identity,
  formatVersion: 1,
  run,
  source: { kind: 'synthetic', url: 'synthetic:48' },
  splits: [],
  weights: 'w',
  shardRows: 8,
  microBatch: 4,
  strict: false,
});
const plan = (run: string, microBatch = 4): PlanRecord => ({
  formatVersion: 1,
  run,
  encoder: identity,
  microBatch,
  splits: [],
  shards: [],
  captions: [],
  findings: NO_FINDINGS,
  runSha256: sha256(encodeRecord(request(run))),
});

test('plans of runs that take turns are read once, one that was changed again, and one that is gone is not found', async () => {
  const read: string[] = [];
  class Watched extends FileStore {
    override get(...args: Parameters<FileStore['get']>) {
      read.push(args[0]);
      return super.get(...args);
    }
  }
  const store = new Watched(folder);
  for (const run of ['one', 'two']) {
    await store.put(keys.runJson(run), encodeRecord(request(run)));
    await store.put(keys.plan(run), encodeRecord(plan(run)));
  }
  const runs = new PlannedRuns(store);
  for (const run of ['one', 'two', 'one', 'two']) expect((await runs.get(run)).name).toBe(run);
  expect(read.filter((key) => key.endsWith('plan.json'))).toEqual([keys.plan('one'), keys.plan('two')]);

  await store.put(keys.plan('one'), encodeRecord(plan('one', 16)));
  expect((await runs.get('one')).plan.microBatch).toBe(16);
  await store.delete(keys.plan('two'));
  await expect(runs.get('two')).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

test('a run is what has a name that we give; one that is not there is told with those that are', async () => {
  const store = new FileStore(join(folder, 'named'));
  for (const run of ['mine', 'UPPER', '123']) await store.put(`runs/${run}/run.json`, encodeRecord(request(run)));
  expect(await runNames(store)).toEqual(['mine']);
  expect(await noSuchRun(store, '../x')).toMatchObject({ code: 'NOT_FOUND', message: `No run "../x" in ${store.url}; there are: mine` });
  await expect(newestManifest(store, '../x')).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

test('a request that is no longer the one that was planned is refused, whichever bit of it was flipped', async () => {
  const body = encodeRecord(request('flipped'));
  const holding = async (name: string, runJson: Buffer) => {
    const store = new FileStore(join(folder, name));
    await store.put(keys.plan('flipped'), encodeRecord(plan('flipped')));
    await store.put(keys.runJson('flipped'), runJson);
    return new PlannedRuns(store);
  };
  const places = Array.from({ length: Math.ceil(body.length / 5) }, (_, index) => index * 5);
  // All at once: what is damaged is read several times, a little later each time.
  await Promise.all(
    places.map(async (at) => {
      const flipped = Buffer.from(body);
      flipped[at]! ^= 1 << (at % 8);
      await expect((await holding(`flipped-${at}`, flipped)).get('flipped')).rejects.toMatchObject({
        code: expect.stringMatching(/^(CORRUPT_OBJECT|FORMAT_VERSION)$/) as string,
        message: expect.stringContaining(keys.runJson('flipped')) as string,
      });
    }),
  );
  expect((await (await holding('intact', body)).get('flipped')).request).toEqual(request('flipped'));
});
