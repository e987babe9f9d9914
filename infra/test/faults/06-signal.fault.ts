import { openQueues } from '@showtell/shared/queue/open-queues';
import { ABORT, createProcessor, type JobProcessor } from '@showtell/shared/queue/processor';
import { jobIds, queueNames, ShardJob } from '@showtell/shared/queue/queues';
import { untilAborted } from '@showtell/shared/queue/until';
import { Shutdown } from '@showtell/shared/shutdown';
import { Worker } from 'bullmq';
import pino from 'pino';
import { until } from '../../../packages/shared/test/queue/until';
import { checkInvariants } from '../invariants';
import { describeFault } from './fault';

const logger = pino({ level: 'silent' });

describeFault(6, 'processor wrapped so that it loses its signal parameter', {}, (place) => {
  const WRAPPED: [string, (processor: JobProcessor<ShardJob>) => JobProcessor<ShardJob>, 'begins' | 'does not begin'][] = [
    ['as it is', (processor) => processor, 'begins'],
    // BullMQ counts the parameters that a function declares.
    [
      'with the rest of its parameters',
      (processor) =>
        (...all) =>
          processor(...all),
      'does not begin',
    ],
    ['bound to two', (processor) => (job, token) => processor(job, token, undefined), 'does not begin'],
  ];
  test.each(WRAPPED)(
    '%s: the job %3$s',
    async (_how, wrap, outcome) => {
      const rig = await place.rig();
      const { run } = await rig.enqueue({ dataset: 'synthetic:8' });
      const shutdown = new Shutdown();
      const { queues, redis } = await openQueues(rig.settings, logger, shutdown, true);
      const jobId = jobIds.shard(run, 0);
      const begun: string[] = [];
      const work = async (_data: ShardJob, { signal, job }: { signal: AbortSignal; job: { id?: string | undefined } }) => {
        begun.push(job.id!);
        await untilAborted(signal);
        signal.throwIfAborted();
      };
      const worker = new Worker<ShardJob>(queueNames.ingest, wrap(createProcessor(ShardJob, work, logger, { onOutage: () => {} })), {
        connection: redis,
        prefix: `{${rig.settings.prefix}}`,
      });
      try {
        if (outcome === 'begins') {
          await until(() => begun.length === 1);
          expect(worker.cancelJob(jobId, ABORT.cancelled)).toBe(true);
          await until(async () => (await queues.ingest.getJobState(jobId)) === 'unknown');
        } else {
          await until(async () => (await queues.ingest.getJobState(jobId)) === 'failed');
          expect((await queues.ingest.getJob(jobId))!.failedReason).toMatch(/^BUG: .*without a signal/);
          expect(begun).toEqual([]);
        }
      } finally {
        await worker.close();
        await shutdown.run();
      }
      await rig.enqueue({ dataset: 'synthetic:8' });
      await rig.drain();
      await checkInvariants(rig.store, run);
    },
    60_000,
  );
});
