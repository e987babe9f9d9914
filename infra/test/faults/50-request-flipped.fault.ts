import { retryRun } from '@showtell/ingest/admin/retry';
import { type RunStatus, runStatus } from '@showtell/ingest/admin/status';
import { keys } from '@showtell/shared/keys';
import { latestManifestNumber } from '@showtell/shared/manifests';
import { readPlannedRun } from '@showtell/shared/planned-run';
import { openQueues } from '@showtell/shared/queue/open-queues';
import { Shutdown } from '@showtell/shared/shutdown';
import pino from 'pino';
import { until } from '../../../packages/shared/test/queue/until';
import { checkInvariants } from '../invariants';
import { describeFault } from './fault';

describeFault(50, 'a bit of run.json flipped at rest, so that the photos are elsewhere', { stores: ['file', 's3'] }, (place) => {
  let shutdown: Shutdown;
  beforeEach(() => {
    shutdown = new Shutdown();
  });
  afterEach(() => shutdown.run());

  test('no photo is rejected as missing: the jobs fail with its key, and a retry ends the run once it is whole', async () => {
    const rig = await place.rig();
    const { store } = rig;
    const logger = pino({ level: 'silent' });
    const { queues } = await openQueues(rig.settings, logger, shutdown);
    const { run } = await rig.enqueue({ dataset: 'synthetic:24' });
    const key = keys.runJson(run);
    const { body } = (await store.get(key))!;
    const flipped = Buffer.from(body);
    // `synthetic:24` becomes `synthetic:04`.
    flipped[body.indexOf('synthetic:24') + 'synthetic:'.length]! ^= 2;
    await store.put(key, flipped);
    rig.ingest();
    rig.encoder();
    let status: RunStatus;
    await until(async () => (status = await runStatus(store, queues, run)).state === 'failed', 30_000);
    expect(status!.shards.committed).toBe(0);
    for (const { reason } of status!.failures)
      expect(reason).toMatch(new RegExp(`^CORRUPT_OBJECT: Expected sha256 [0-9a-f]{64} for ${key}`));
    await store.put(key, body);
    await retryRun({ store, queues, logger, run: (await readPlannedRun(store, run))! });
    await until(async () => (await latestManifestNumber(store, run)) > 0, 30_000);
    expect((await checkInvariants(store, run)).rejected.size).toBe(0);
  }, 60_000);
});
