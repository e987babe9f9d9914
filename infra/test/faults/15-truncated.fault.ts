import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { retryRun } from '@showtell/ingest/admin/retry';
import { type RunStatus, runStatus } from '@showtell/ingest/admin/status';
import { openDataset } from '@showtell/ingest/source/open';
import { latestManifestNumber } from '@showtell/shared/manifests';
import { openStore } from '@showtell/shared/object-store/open';
import { listCommitted, readPlannedRun } from '@showtell/shared/planned-run';
import { openQueues } from '@showtell/shared/queue/open-queues';
import { Shutdown } from '@showtell/shared/shutdown';
import pino from 'pino';
import { writeCocoFixture } from '../../../packages/ingest/test/coco-fixture';
import { until } from '../../../packages/shared/test/queue/until';
import { checkInvariants } from '../invariants';
import type { PipelineRig } from '../pipeline-rig';
import { describeFault } from './fault';

const logger = pino({ level: 'silent' });
/** Every object here has more bytes. */
const SHORT = 60;
const WAYS = [
  ['reset after its head announced all of it', { cut: SHORT }],
  ['ended without a Content-Length', { truncate: SHORT, as: 'chunked' }],
  ['ended with a Content-Length that fits', { truncate: SHORT, as: 'length' }],
] as const;

/** Shard 0 fails for good, the others are committed; once `mend` is done, a retry ends the run. */
async function failsAndEnds(rig: PipelineRig, run: string, key: string, mend: () => Promise<void> | void): Promise<void> {
  const shutdown = new Shutdown();
  try {
    const { queues } = await openQueues(rig.settings, logger, shutdown);
    rig.ingest();
    rig.encoder();
    let status: RunStatus;
    await until(async () => (status = await runStatus(rig.store, queues, run)).state === 'failed', 30_000);
    expect(status!.failures).toEqual([
      {
        shard: 0,
        reason: expect.stringMatching(new RegExp(`^CORRUPT_OBJECT: Expected \\d+ bytes .* ${key} in .* received .*, 3 times$`)) as string,
      },
    ]);
    const planned = (await readPlannedRun(rig.store, run))!;
    expect(await listCommitted(rig.store, run)).toEqual(new Set(planned.plan.shards.slice(1).map(({ shard }) => shard)));
    await mend();
    await retryRun({ store: rig.store, queues, logger, run: planned });
    await until(async () => (await latestManifestNumber(rig.store, run)) > 0, 30_000);
    expect((await checkInvariants(rig.store, run)).rejected.size).toBe(0);
  } finally {
    await shutdown.run();
  }
}

describeFault(15, 'truncated object, with and without Content-Length', { stores: ['s3'], proxied: true }, (place) => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'showtell-dataset-'));
    await writeCocoFixture(folder, [{ name: 'train2017', photos: 12 }]);
  });
  afterEach(() => rm(folder, { recursive: true }));

  /** Photos and annotations beside the results, behind the same proxy. */
  const uploaded = async ({ settings }: PipelineRig) => {
    const url = `${settings.store}-photos`;
    const store = openStore(url, { endpoint: settings.s3Endpoint });
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      await store.put(path.slice(folder.length + 1), await readFile(path));
    }
    await store.close();
    return openDataset(url, { endpoint: settings.s3Endpoint! });
  };

  test.each(WAYS)(
    'photos, the plan and its parts, weights and commit records, two times each %s: read again, and the same features',
    async (_, action) => {
      const rig = await place.rig();
      const source = await uploaded(rig);
      const encode = async (run: string) => {
        await rig.enqueue({ source, splits: [], shardRows: 4, run });
        await rig.drain();
        return checkInvariants(rig.store, run);
      };
      const { rules, requests } = place.proxy.s3!;
      const paths = [/\.jpg/, /\/plan\.json/, /\/plan\/0/, /\/weights\//, /\/commits\/0000\d/];
      rules.push(...paths.map((path) => ({ match: { method: 'GET', path }, times: 2, action })));
      const { features, rejected } = await encode('truncated');
      for (const path of paths)
        expect(requests.filter((request) => request.action !== undefined && path.test(request.path))).toHaveLength(2);
      rules.splice(0);
      expect(rejected.size).toBe(0);
      expect(features).toEqual((await encode('whole')).features);
    },
    60_000,
  );

  test('a part of the plan, every time: CORRUPT_OBJECT with its key; a retry ends the run once it is whole', async () => {
    const rig = await place.rig();
    const { run } = await rig.enqueue({ dataset: 'synthetic:24' });
    const { key } = (await readPlannedRun(rig.store, run))!.plan.shards[0]!;
    const { rules } = place.proxy.s3!;
    rules.push({ match: { method: 'GET', path: new RegExp(key) }, action: { truncate: SHORT, as: 'length' } });
    await failsAndEnds(rig, run, key, () => void rules.splice(0));
  }, 60_000);
});

describeFault(15, 'truncated object', { stores: ['file'] }, (place) => {
  test('a part of the plan on the disk: CORRUPT_OBJECT with its key; a retry ends the run once it is whole', async () => {
    const rig = await place.rig();
    const { run } = await rig.enqueue({ dataset: 'synthetic:24' });
    const { key } = (await readPlannedRun(rig.store, run))!.plan.shards[0]!;
    const { body } = (await rig.store.get(key))!;
    await rig.store.put(key, body.subarray(0, SHORT));
    await failsAndEnds(rig, run, key, async () => void (await rig.store.put(key, body)));
  }, 60_000);
});
