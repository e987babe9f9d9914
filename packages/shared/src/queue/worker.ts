import { hostname } from 'node:os';
import { ErrorCode, type Job, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { z } from 'zod';
import type { Settings } from '../config';
import { isShowtellError, type ShowtellError } from '../errors';
import { isReply, redisError, redisHost, redisPrefix } from './connection';
import { onControlChange } from './control-events';
import { ABORT, createProcessor, type Work } from './processor';

/** After Redis refused to store anything (out of memory), or a store was away, a worker waits this long before it asks for a job again. */
const REST_MS = 2_000;
/** How long a job may take to react to its signal before nobody waits for it any more. */
const HAND_BACK_MS = 5_000;

export interface WorkerOptions<T> {
  readonly settings: Settings;
  /** Shared connection; the worker makes one more for its blocking command. */
  readonly redis: Redis;
  readonly logger: Logger;
  readonly queue: string;
  readonly schema: z.ZodType<T>;
  readonly work: Work<T>;
  readonly maxStalled: number;
  readonly concurrency?: number;
  /** Shown by `status`: `workerName(device)`. */
  readonly name: string;
  /**
   * Called once nobody does a job any more that is not done: it has failed for good, also when BullMQ failed it without running it (its
   * worker died too often), or it is cancelled.
   */
  readonly onGivenUp?: (data: unknown, job: Job<T>) => Promise<void>;
  /** Asked of each job at work when an operator has changed a run's control record, and now and then: whether it is to be left. */
  readonly isCancelled?: (data: T) => Promise<boolean>;
  /**
   * Aborted once this process can do no job, where another may: those at work go back, and none is taken any more. The worker itself
   * aborts it, with `REDIS_DENIED`, when Redis does not let it do its work: no later job would fare better.
   */
  readonly unfit: AbortController;
  /** The jobs at work, by their ids, for who tells of them. */
  readonly atWork?: Map<string, T>;
}

/** `host.pid.device` in printable ASCII: Redis drops connection names with other characters, and the worker with them from the list. */
export function workerName(device: string): string {
  return `${hostname()}.${process.pid}.${device}`.replace(/[^\x21-\x7e]/g, '-');
}

/** Serves one queue until it is closed. Every BullMQ setting of a worker is decided here. */
export function startWorker<T>(options: WorkerOptions<T>): Worker<T> {
  const {
    settings,
    redis,
    queue,
    schema,
    maxStalled,
    concurrency = 1,
    name,
    onGivenUp,
    isCancelled,
    unfit,
    atWork = new Map<string, T>(),
  } = options;
  const logger = options.logger.child({ queue });
  const jobServer = redisHost(settings.redis!);
  /** A job may have asked either server, and an answer does not say whose it is. */
  const servers = settings.pixelRedis === undefined ? jobServer : `${jobServer} or ${redisHost(settings.pixelRedis)}`;
  /** What Redis answered, told; of a refusal before whoever asked hears of it. */
  const judge = (error: Error, server = jobServer): unknown => {
    const known = redisError(error, server);
    if (isShowtellError(known, 'REDIS_DENIED')) unfit.abort(known);
    return known;
  };
  const work: Work<T> = async (data, context) => {
    const id = context.job.id!;
    atWork.set(id, data);
    try {
      await options.work(data, context);
    } catch (error) {
      throw isReply(error) ? judge(error, servers) : error;
    } finally {
      atWork.delete(id);
    }
  };
  const tellOutage = seldom(options.logger, (error: ShowtellError, times) =>
    logger.warn({ code: error.code, reason: error.message, times }, 'what a job needs is away; the job waits for it'),
  );
  const processor = createProcessor(schema, work, logger, {
    onOutage: (error) => {
      tellOutage(error);
      // The next job would meet the same.
      rest(worker);
    },
    ...(onGivenUp && { onCancelled: (job) => onGivenUp(job.data, job) }),
  });
  const worker = new Worker<T>(queue, processor, {
    connection: redis,
    prefix: redisPrefix(settings),
    name,
    concurrency,
    lockDuration: settings.lockSeconds * 1_000,
    stalledInterval: settings.stalledSeconds * 1_000,
    maxStalledCount: maxStalled,
  });
  const complain = seldom(options.logger, (error: Error, times) => logger.error({ err: error, times }, 'queue trouble'));
  const tellLoss = seldom(options.logger, (error: Error, times) =>
    logger.warn({ code: 'LOCK_LOST', reason: error.message, times }, 'lost the lock of a job, which is for another worker to end'),
  );
  worker.on('error', (error) => {
    if (isReply(error) && isShowtellError(judge(error), 'REDIS_DENIED')) return;
    (isLockLoss(error) ? tellLoss : complain)(error);
    if (/^OOM |EXECABORT/.test(error.message)) rest(worker);
  });
  worker.on('lockRenewalFailed', (jobs) => {
    for (const job of jobs) worker.cancelJob(job, ABORT.lockLost);
  });
  worker.on('stalled', (job) => logger.warn({ job }, 'took the job of a worker that is gone'));
  worker.on('failed', (job, err) => {
    const forGood = job?.finishedOn !== undefined;
    logger[forGood ? 'error' : 'warn'](
      { err: err.cause ?? err, job: job?.id, attempt: job?.attemptsMade },
      forGood ? 'job failed for good' : 'job failed, will be tried again',
    );
    if (forGood) onGivenUp?.(job.data, job).catch((error: unknown) => complain(error instanceof Error ? error : new Error(String(error))));
  });
  const giveBack = () => {
    // Paused first, or it would take the job it gives back.
    void worker.pause(true);
    worker.cancelAllJobs(ABORT.drain);
  };
  unfit.signal.addEventListener('abort', giveBack);
  worker.once('closing', () => unfit.signal.removeEventListener('abort', giveBack));
  if (isCancelled !== undefined) {
    const look = async () => {
      for (const [id, data] of atWork) if (await isCancelled(data)) worker.cancelJob(id, ABORT.cancelled);
    };
    const stop = onControlChange({ settings, redis, logger, look });
    worker.once('closing', stop);
  }
  return worker;
}

/**
 * Takes no new job and lets those begun end, or hand back when `seconds` are over. A job that ignores its signal is left behind,
 * and so is a Redis that does not answer.
 */
export async function drain(worker: Worker, seconds: number): Promise<void> {
  const handBack = setTimeout(() => worker.cancelAllJobs(ABORT.drain), seconds * 1_000);
  let timer: NodeJS.Timeout | undefined;
  const enough = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, seconds * 1_000 + HAND_BACK_MS);
  });
  await Promise.race([worker.close(), enough]);
  clearTimeout(handBack);
  clearTimeout(timer);
}

const LOCK_LOSSES: ReadonlySet<unknown> = new Set([
  ErrorCode.JobNotExist,
  ErrorCode.JobLockNotExist,
  ErrorCode.JobNotInState,
  ErrorCode.JobLockMismatch,
]);

/** BullMQ's refusal to renew the lock of a job, or to end one, that another worker has taken or even ended. */
const isLockLoss = (error: Error & { readonly code?: unknown }) =>
  LOCK_LOSSES.has(error.code) || error.message.startsWith('could not renew lock');

/** Without it an idle worker asks a full Redis thousands of times a second, and a busy one goes through all jobs while a store is away. */
function rest(worker: Worker): void {
  if (worker.isPaused() || worker.closing !== undefined) return;
  const goOn = () => {
    if (worker.closing === undefined) worker.resume().catch(() => {});
  };
  void worker.pause(true);
  setTimeout(goOn, REST_MS).unref();
}

/** When each program last told of a trouble: a Redis that is full troubles all of its queues at once, in several ways. */
const told = new WeakMap<Logger, number>();

/** Passes on one trouble every two seconds, of whatever kind and queue, and how many there were of its own. */
function seldom<E extends Error>(program: Logger, tell: (error: E, times: number) => void): (error: E) => void {
  let times = 0;
  return (error) => {
    times += 1;
    if (performance.now() - (told.get(program) ?? Number.NEGATIVE_INFINITY) < REST_MS) return;
    told.set(program, performance.now());
    tell(error, times);
    times = 0;
  };
}
