import { finalizeRun } from '@showtell/ingest/finalize';
import { keys } from '@showtell/shared/keys';
import { listCommitted, PlannedRuns } from '@showtell/shared/planned-run';
import { openQueues } from '@showtell/shared/queue/open-queues';
import type { JobContext } from '@showtell/shared/queue/processor';
import { jobIds, type RunJob } from '@showtell/shared/queue/queues';
import { Shutdown } from '@showtell/shared/shutdown';
import pino from 'pino';
import { until } from '../../../packages/shared/test/queue/until';
import { checkInvariants } from '../invariants';
import { describeFault } from './fault';

describeFault(24, 'finalize raced, and train before the manifest', { stores: ['file', 's3'] }, (place) => {
  test('one manifest; until it is there, train is refused with what is missing', async () => {
    const rig = await place.rig();
    const { run } = await rig.enqueue();
    const shutdown = new Shutdown();
    const logger = pino({ level: 'silent' });
    const { queues } = await openQueues(rig.settings, logger, shutdown, true);
    const refused = async (...shards: RegExp[]) => {
      const { exit, said } = place.showtell(rig, ['train', run, '--here', '--epochs', '1']);
      expect(await exit).toEqual({ code: 6, signal: null });
      for (const text of [/MISSING_SHARDS/, ...shards]) expect(said()).toMatch(text);
      expect(await rig.store.head(keys.trainingJson(`${run}-seed`))).toBeUndefined();
    };
    await refused(/5 of 5|0, 1, 2, 3,? (and )?4/);

    const ingest = rig.ingest();
    const encoder = rig.encoder();
    await until(async () => (await queues.finalize.getJobState(jobIds.finalize(run))) === 'delayed', 30_000);
    // The finalizers of the services would be first.
    await queues.finalize.remove(jobIds.finalize(run));
    await until(async () => (await listCommitted(rig.store, run)).size === 5, 60_000);
    await Promise.all([ingest.stop(), encoder.stop()]);
    await refused(/manifest/);

    const context = { job: {}, token: 'token', signal: new AbortController().signal } as JobContext<RunJob>;
    const finalize = () => finalizeRun({ run }, context, { store: rig.store, queues, runs: new PlannedRuns(rig.store), logger });
    await Promise.all(Array.from({ length: 8 }, finalize));
    await finalize();
    expect((await checkInvariants(rig.store, run)).manifests).toBe(1);
    const trained = place.showtell(rig, ['train', run, '--here', '--epochs', '1']);
    expect({ ...(await trained.exit), said: trained.said() }).toMatchObject({ code: 0 });
    await shutdown.run();
  }, 120_000);
});
