import { join } from 'node:path';
import { ENCODER } from '@showtell/encoder-worker/encoder/inception-v3';
import { putWeights } from '@showtell/encoder-worker/encoder/weights/keep';
import { repairRun } from '@showtell/ingest/admin/repair';
import { retryRun } from '@showtell/ingest/admin/retry';
import { type RunStatus, runStatus } from '@showtell/ingest/admin/status';
import { verifyRun } from '@showtell/ingest/admin/verify';
import { keys } from '@showtell/shared/keys';
import { latestManifestNumber } from '@showtell/shared/manifests';
import { listCommitted, readCommit, readPlannedRun } from '@showtell/shared/planned-run';
import { openQueues, type RedisServices } from '@showtell/shared/queue/open-queues';
import { jobIds } from '@showtell/shared/queue/queues';
import { PREPROCESSING, preprocessingOf } from '@showtell/shared/schema/encoder-identity';
import { encodeRecord } from '@showtell/shared/schema/record';
import { Shutdown } from '@showtell/shared/shutdown';
import pino from 'pino';
import { narrowWeights } from '../../../packages/encoder-worker/test/narrow-weights';
import { until } from '../../../packages/shared/test/queue/until';
import { checkInvariants } from '../invariants';
import type { PipelineRig } from '../pipeline-rig';
import { describeFault } from './fault';

const logger = pino({ level: 'silent' });

/** Environment of a program of another version of Showtell. */
const version = (other: { readonly preprocessing?: string; readonly formats?: Record<string, Record<string, number>> }) => ({
  NODE_OPTIONS: `--require ${join(__dirname, 'another-version.js')}`,
  SHOWTELL_TEST_VERSION: JSON.stringify(other),
});

describeFault(23, 'encoder or schema version changed mid-run', { stores: ['file', 's3'] }, (place) => {
  let shutdown: Shutdown;
  let rig: PipelineRig;
  let redis: RedisServices;
  beforeEach(async () => {
    shutdown = new Shutdown();
    rig = await place.rig();
    redis = await openQueues(rig.settings, logger, shutdown);
  });
  afterEach(() => shutdown.run());

  const status = (run: string) => runStatus(rig.store, redis.queues, run);
  /** A run of five shards, some of them committed, and none being encoded now. */
  const halfDone = async (): Promise<string> => {
    const { run } = await rig.enqueue();
    rig.ingest();
    const encoder = rig.encoder();
    await until(async () => (await listCommitted(rig.store, run)).size > 0, 30_000);
    await encoder.stop();
    expect((await listCommitted(rig.store, run)).size).toBeLessThan(5);
    return run;
  };
  const completed = async (run: string) => {
    rig.encoder();
    await until(async () => (await latestManifestNumber(rig.store, run)) === 1, 30_000);
    await checkInvariants(rig.store, run);
  };

  test('other weights under the name of the run: RUN_EXISTS with both, and nothing of them is encoded', async () => {
    const run = await halfDone();
    const other = narrowWeights(2);
    const spec = { encoder: ENCODER, preprocessing: PREPROCESSING, spec: 'narrow', sha256: other.sha256, dimension: other.dimension };
    const put = () => putWeights(rig.store, { bytes: other.safetensors, sha256: other.sha256 });
    await expect(rig.enqueue({ run, weights: { ...spec, put } })).rejects.toMatchObject({
      code: 'RUN_EXISTS',
      exitCode: 2,
      message: expect.stringMatching(
        new RegExp(`weightsSha256: the run has "${narrowWeights(1).sha256}", asked for "${other.sha256}"`),
      ) as string,
    });
    await completed(run);
  }, 60_000);

  test.each([
    [
      'with another preprocessing',
      { preprocessing: 'v9' },
      () => /^MIXED_ENCODER: .*centre-square-299-linear-v9, but received centre-square-299-linear-v1$/,
    ],
    [
      'that reads plans of another format',
      { formats: { plan: { PLAN_FORMAT: 2 } } },
      (run: string) => new RegExp(`^FORMAT_VERSION: Expected format version 2 in ${keys.plan(run)} but received 1$`),
    ],
  ])(
    'an encoder %s encodes nothing, and names what it has and what is planned',
    async (_, other, said) => {
      const run = await halfDone();
      const before = await listCommitted(rig.store, run);
      const encoder = place.program(rig, 'encoder', { env: version(other) });
      let found: RunStatus;
      await until(async () => (found = await status(run)).state === 'failed', 30_000);
      encoder.child.kill('SIGTERM');
      expect(await encoder.exit).toEqual({ code: 0, signal: null });
      expect(await listCommitted(rig.store, run)).toEqual(before);
      expect(found!.failures).toHaveLength(5 - before.size);
      for (const { reason } of found!.failures) expect(reason).toMatch(said(run));
      // The right program does what the wrong one refused.
      await retryRun({ store: rig.store, queues: redis.queues, logger, run: (await readPlannedRun(rig.store, run))! });
      await completed(run);
    },
    60_000,
  );

  test('commit records of another format are in no manifest: finalizer and verify name both', async () => {
    const { run, shards } = await rig.enqueue();
    rig.ingest();
    const encoder = place.program(rig, 'encoder', { env: version({ formats: { shard: { SHARD_FORMAT: 2 } } }) });
    const finalizer = () => redis.queues.finalize.getJob(jobIds.finalize(run));
    await until(async () => (await (await finalizer())?.isFailed()) === true, 30_000);
    encoder.child.kill('SIGTERM');
    await encoder.exit;
    const format = /Expected format version 1 in runs\/.*\/commits\/0000\d.json but received 2$/;
    expect((await finalizer())!.failedReason).toMatch(format);
    expect(await latestManifestNumber(rig.store, run)).toBe(0);
    // Whose they are, another version knows: nobody takes them away but an operator.
    const { report } = await verifyRun({ store: rig.store, run });
    expect(report.findings).toHaveLength(shards.planned);
    for (const { message, mend, where } of report.findings) {
      expect(message).toMatch(format);
      expect(mend).toBe('operator');
      await rig.store.delete(where);
    }
    await rig.enqueue();
    await completed(run);
  }, 60_000);

  test('a record of another encoder, put there from elsewhere, is in no manifest; verify names both, and a repair encodes it again', async () => {
    const run = await halfDone();
    const [shard] = await listCommitted(rig.store, run);
    const record = (await readCommit(rig.store, run, shard!))!;
    const foreign = { ...record.encoder, preprocessing: preprocessingOf(320) };
    await rig.store.put(keys.commit(run, shard!), encodeRecord({ ...record, encoder: foreign }));
    const encoder = rig.encoder();
    let found: RunStatus;
    await until(async () => (found = await status(run)).state === 'failed', 30_000);
    await encoder.stop();
    expect(found!.failures).toEqual([
      { reason: expect.stringMatching(/^MIXED_ENCODER: .*centre-square-299-linear-v1.*centre-square-320-linear-v1/) as string },
    ]);
    expect(await latestManifestNumber(rig.store, run)).toBe(0);
    const verified = await verifyRun({ store: rig.store, run });
    expect(verified.report.findings).toEqual([expect.objectContaining({ what: 'foreign', shard, mend: 'encode' })]);
    expect(verified.report.findings[0]!.message).toMatch(/centre-square-299-linear-v1.*centre-square-320-linear-v1/);
    await repairRun(verified, { store: rig.store, queues: redis.queues, logger });
    await completed(run);
  }, 60_000);
});
