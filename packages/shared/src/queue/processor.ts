import { DelayedError, type Job, UnrecoverableError, WaitingChildrenError, WaitingError } from 'bullmq';
import type { Logger } from 'pino';
import { z } from 'zod';
import { EXIT, isShowtellError, ShowtellError } from '../errors';
import { hideSecrets } from '../secrets';

/** Why a job's signal aborts; the reason decides what becomes of the job. */
export const ABORT = {
  /** Another worker has the job by now: touch nothing. */
  lockLost: 'LOCK_LOST',
  /** This process stops: give the job back as it came. */
  drain: 'DRAIN',
  /** A person paused or cancelled the run: nobody shall do the job now. */
  cancelled: 'CANCELLED',
} as const;

export interface JobContext<T> {
  readonly job: Job<T>;
  readonly token: string;
  /** Aborts when the job must be left: nothing may be written after it. */
  readonly signal: AbortSignal;
}

export type Work<T> = (data: T, context: JobContext<T>) => Promise<void>;
/** BullMQ hands a signal only to a processor that declares three parameters, so their number is part of the type and has a test. */
export type JobProcessor<T> = (job: Job<T>, token: string | undefined, signal: AbortSignal | undefined) => Promise<void>;

export interface ProcessorHooks<T> {
  /** Told of a job that waits because what it needs is away. */
  readonly onOutage: (error: ShowtellError, job: Job, seconds: number) => void;
  /** Gives back what a job that is left, since a person wants it so, still holds. */
  readonly onCancelled?: (job: Job<T>) => Promise<void>;
}

/**
 * The only place where Showtell's errors meet BullMQ: the payload is checked, an error that trying again cannot mend
 * becomes an `UnrecoverableError`, an abort ends as its reason demands, and a job whose store or Redis is away waits for it
 * for as long as it takes, since that is no fault of the job's to count among its attempts.
 */
export function createProcessor<T>(
  schema: z.ZodType<T>,
  work: Work<T>,
  logger: Logger,
  { onOutage, onCancelled }: ProcessorHooks<T>,
): JobProcessor<T> {
  // No default values here: a parameter that has one does not count in a function's length.
  return async (job, givenToken, givenSignal) => {
    const token = givenToken ?? '';
    const signal = givenSignal ?? withoutSignal();
    try {
      await work(checkPayload(schema, job), { job, token, signal });
    } catch (error) {
      if (!signal.aborted || isQueueSignal(error))
        throw isOutage(error) ? await waitItOut(job, token, error, onOutage) : asQueueError(error);
      if (signal.reason !== ABORT.cancelled) throw await afterAbort(job, token, signal, logger);
      // The job ends as if it were done, and is gone: a failed one would make the run look failed, and a resumed run adds a new one.
      await onCancelled?.(job);
      logger.info({ job: job.id }, 'left the job: its run is not to go on');
    }
  };
}

/** A job that cannot be told to stop must not begin: it would write on when another worker has it. */
function withoutSignal(): never {
  throw asQueueError(new ShowtellError('BUG', 'The job came without a signal: what wraps its processor must declare (job, token, signal)'));
}

function checkPayload<T>(schema: z.ZodType<T>, job: Job<T>): T {
  const parsed = schema.safeParse(job.data);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => (path.length === 0 ? message : `${z.core.toDotPath(path)}: ${message}`));
  throw new ShowtellError('JOB_INVALID', `Job ${job.id} in queue ${job.queueName} says what no job says: ${problems.join('; ')}`, {
    hint: 'Somebody else wrote it: remove it, and see who may write to this Redis.',
  });
}

async function afterAbort(job: Job, token: string, signal: AbortSignal, logger: Logger): Promise<Error> {
  const reason: unknown = signal.reason;
  if (reason === ABORT.drain) {
    await job.moveToDelayed(Date.now(), token);
    logger.info({ job: job.id }, 'handed the job back');
    return new DelayedError('handed back');
  }
  if (reason === ABORT.lockLost) {
    logger.warn({ code: 'LOCK_LOST', job: job.id }, 'lost the lock of the job: another worker runs it, so nothing more is written here');
    return new ShowtellError('LOCK_LOST', `The lock of job ${job.id} was lost`);
  }
  return new UnrecoverableError(typeof reason === 'string' ? reason : 'the job was aborted');
}

const isOutage = (error: unknown): error is ShowtellError => isShowtellError(error) && error.retryable && error.exitCode === EXIT.STORE;

const FIRST_WAIT_SECONDS = 1;
const LONGEST_WAIT_SECONDS = 30;

/** The waits double, up to half a minute, and differ, so that not all jobs of all workers come back at one time. */
async function waitItOut(job: Job, token: string, error: ShowtellError, onOutage: ProcessorHooks<never>['onOutage']): Promise<Error> {
  const longest = Math.min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2 ** (job.attemptsStarted - 1));
  const seconds = longest * (0.5 + Math.random() / 2);
  const delayed = asQueueError(error);
  // For who asks why the job waits. A Redis that is full cannot take it.
  await job.log(delayed.message).catch(() => {});
  // It counts no attempt.
  await job.moveToDelayed(Date.now() + seconds * 1_000, token);
  onOutage(error, job, seconds);
  return new DelayedError(delayed.message);
}

/** What BullMQ stores as the reason is the message alone, so the code goes into it. */
export function asQueueError(error: unknown): Error {
  if (isQueueSignal(error)) return error;
  const cause = error instanceof Error ? error : new Error(String(error));
  const message = hideSecrets(isShowtellError(cause) ? `${cause.code}: ${cause.message}` : cause.message);
  const mapped = isShowtellError(cause) && !cause.retryable ? new UnrecoverableError(message) : new Error(message);
  mapped.cause = cause;
  return mapped;
}

/** BullMQ's own words for a job that was moved (delayed, back to waiting): no failures. */
function isQueueSignal(error: unknown): error is Error {
  return error instanceof DelayedError || error instanceof WaitingError || error instanceof WaitingChildrenError;
}
