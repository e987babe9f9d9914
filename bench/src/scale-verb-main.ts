/** One verb of an operator's over a run of many shards, in a process of its own: `node scale-verb-main.js '{…}'` prints its figures. */

import { runStatus } from '@showtell/ingest/admin/status';
import { finalizeRun } from '@showtell/ingest/finalize';
import { concurrently } from '@showtell/shared/concurrently';
import type { Settings } from '@showtell/shared/config';
import { sha256 } from '@showtell/shared/hash';
import { keys } from '@showtell/shared/keys';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { openStore } from '@showtell/shared/object-store/open';
import { PlannedRuns, readPlannedRun } from '@showtell/shared/planned-run';
import { redisPrefix } from '@showtell/shared/queue/connection';
import { openQueues } from '@showtell/shared/queue/open-queues';
import type { JobContext } from '@showtell/shared/queue/processor';
import { jobIds, type Queues, queueNames, type RunJob, type ShardJob } from '@showtell/shared/queue/queues';
import { encodeRecord } from '@showtell/shared/schema/record';
import { SHARD_FORMAT } from '@showtell/shared/schema/shard';
import { Shutdown } from '@showtell/shared/shutdown';
import { DelayedError, UnrecoverableError, Worker } from 'bullmq';
import pino from 'pino';
import { type BenchEnqueue, enqueueBench } from './scale-dataset';

export type Verb = 'enqueue' | 'status' | 'look' | 'commit' | 'finalize' | 'fail';

export interface VerbOptions extends Pick<BenchEnqueue, 'objects' | 'photo' | 'shape' | 'run'> {
  readonly verb: Verb;
  readonly settings: Settings;
}

export interface VerbFigures {
  /** By step, where the verb has several. */
  readonly seconds: Readonly<Record<string, number>>;
  /** Most memory resident, bytes. */
  readonly rss: number;
}

interface VerbContext extends VerbOptions {
  readonly store: ObjectStore;
  readonly queues: Queues;
}

const logger = pino({ level: 'error' }, process.stderr);
const since = (start: number) => (performance.now() - start) / 1_000;

const VERBS: Readonly<Record<Verb, (context: VerbContext) => Promise<VerbFigures['seconds']>>> = {
  async enqueue(context) {
    const start = performance.now();
    const at: Record<string, number> = {};
    await enqueueBench({
      ...context,
      onProgress: ({ step, done, total }) => {
        if (done === total || step === 'jobs') at[step] = since(start);
      },
    });
    const { scan = 0, plan = 0 } = at;
    const all = since(start);
    return plan === 0 ? { enqueue: all } : { 'enqueue: plan': plan - scan, 'enqueue: jobs': all - plan };
  },

  async status({ store, queues, run }) {
    const start = performance.now();
    await runStatus(store, queues, run);
    return { status: since(start) };
  },

  /** A finalizer that looks and finds everything still on its way. */
  async look(context) {
    const start = performance.now();
    await finalize(context).catch((error: unknown) => {
      if (!(error instanceof DelayedError)) throw error;
    });
    return { look: since(start) };
  },

  async finalize(context) {
    const start = performance.now();
    await finalize(context);
    return { finalize: since(start) };
  },

  /** What the encoders leave behind but for the bodies, which nobody here reads; and their jobs go. */
  async commit({ store, queues, run: name }) {
    const start = performance.now();
    const run = (await readPlannedRun(store, name))!;
    const { encoder, shards } = run.plan;
    await concurrently(shards, 64, async ({ shard, split, rows }) => {
      const body = { sha256: sha256(Buffer.from(String(shard))), bytes: 4_231_114 };
      const record = {
        formatVersion: SHARD_FORMAT,
        run: name,
        shard,
        split,
        key: keys.shard(name, shard, body.sha256),
        ...body,
        rows,
        rejected: [],
        encoder,
        planSha256: run.planSha256,
        execution: {
          worker: 'bench.1.cpu',
          engine: 'waits',
          provider: 'none',
          device: 'cpu',
          deviceName: 'none',
          threads: 1,
          versions: {},
          seconds: 13,
          encodeSeconds: 13,
          at: new Date().toISOString(),
        },
      };
      await store.put(keys.commit(name, shard), encodeRecord(record));
      await queues.ingest.remove(jobIds.shard(name, shard));
    });
    return { commit: since(start) };
  },

  /** Every shard fails for good in the encode queue, as when the source is gone. */
  async fail({ queues, settings, run, shape }) {
    const start = performance.now();
    await queues.ingest.obliterate({ force: true });
    const encode = queues.encode('float32');
    const shards = Array.from({ length: shape.shards }, (_, shard) => shard);
    for (let from = 0; from < shards.length; from += 500)
      await encode.addBulk(
        shards
          .slice(from, from + 500)
          .map((shard) => ({ name: 'encode', data: { run, shard }, opts: { jobId: jobIds.shard(run, shard) } })),
      );
    const worker = new Worker<ShardJob>(
      queueNames.encode('float32'),
      async () => {
        throw new UnrecoverableError(
          'CORRUPT_OBJECT: Expected 11200 bytes of sha256 0123456789abcdef for a part of the plan but found nothing',
        );
      },
      { connection: queues.redis, prefix: redisPrefix(settings), concurrency: 100 },
    );
    await new Promise<void>((resolve) => worker.on('drained', () => resolve()));
    await worker.close();
    return { fail: since(start) };
  },
};

async function finalize({ store, queues, run }: VerbContext): Promise<void> {
  const job = { updateData: async () => {}, moveToDelayed: async () => {} };
  const context = { job, token: 'bench', signal: new AbortController().signal } as unknown as JobContext<RunJob>;
  await finalizeRun({ run }, context, { store, queues, runs: new PlannedRuns(store), logger });
}

async function main(): Promise<void> {
  const options = JSON.parse(process.argv[2]!) as VerbOptions;
  const { settings, verb } = options;
  const shutdown = new Shutdown(logger);
  const store = openStore(settings.store, { endpoint: settings.s3Endpoint });
  try {
    const { queues } = await openQueues(settings, logger, shutdown);
    const seconds = await VERBS[verb]({ ...options, store, queues });
    const figures: VerbFigures = { seconds, rss: process.resourceUsage().maxRSS * 1_024 };
    process.stdout.write(`${JSON.stringify(figures)}\n`);
  } finally {
    await shutdown.run();
    await store.close();
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
