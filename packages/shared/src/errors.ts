/** Exit codes of every Showtell program. */
export const EXIT = {
  DONE: 0,
  BUG: 1,
  USAGE: 2,
  INPUT: 3,
  STORE: 4,
  DIVERGED: 5,
  DAMAGED: 6,
  INTERRUPTED: 130,
} as const;

interface CodeEntry {
  readonly exit: number;
  /** Whether the same action may succeed later without anybody changing anything. */
  readonly retryable: boolean;
  readonly meaning: string;
}

const entry = (exit: number, meaning: string, retryable = false): CodeEntry => ({ exit, retryable, meaning });

/** The one table of error codes; `docs/errors.md` is made from it. */
export const ERROR_CODES = {
  BUG: entry(EXIT.BUG, 'Something happened that the program does not expect; please report it'),
  USAGE: entry(EXIT.USAGE, 'A command, flag or argument is wrong'),
  CONFIG_INVALID: entry(EXIT.USAGE, 'A setting is missing or has a wrong value; all problems are listed at once'),
  NOT_FOUND: entry(EXIT.USAGE, 'No run, training, checkpoint, alias, preset or image of that name'),
  RUN_EXISTS: entry(EXIT.USAGE, 'A run of that name exists with other settings; the differences are listed'),
  TRAINING_EXISTS: entry(EXIT.USAGE, 'A training of that name exists with other settings; the differences are listed'),
  IN_USE: entry(EXIT.USAGE, 'Something else refers to what was to be removed; it is listed'),
  DEVICE_UNAVAILABLE: entry(EXIT.USAGE, 'The device or engine that was asked for cannot be used on this machine'),
  FILE_DENIED: entry(EXIT.USAGE, 'A file or folder of this machine cannot be written or read'),
  NOT_A_DATASET: entry(EXIT.INPUT, 'The source is neither a dataset folder nor a prefix that Showtell can read'),
  UNSAFE_ZIP: entry(
    EXIT.INPUT,
    'A zip archive has something in it that Showtell does not read, such as an encrypted entry or a false size',
  ),
  CORRUPT_ZIP: entry(EXIT.INPUT, 'A zip archive, or an entry of it, is damaged'),
  BROKEN_ANNOTATIONS: entry(EXIT.INPUT, 'An annotations file cannot be parsed or a record in it is wrong'),
  ID_CONFLICT: entry(EXIT.INPUT, 'One image id names two different files'),
  EMPTY_DATASET: entry(EXIT.INPUT, 'Nothing is left to work on: no sample, split or caption'),
  STRICT: entry(
    EXIT.INPUT,
    '--strict was given and the dataset has captions without images, images without captions, or photos that are not there',
  ),
  SOURCE_CHANGED: entry(EXIT.INPUT, 'A source object is no longer the one that was planned'),
  WEIGHTS_INVALID: entry(EXIT.INPUT, 'An encoder weights file is not what it should be'),
  UNSUPPORTED_FORMAT: entry(EXIT.INPUT, 'The content is not a JPEG, PNG or WebP picture'),
  TRUNCATED: entry(EXIT.INPUT, 'The picture ends early'),
  CORRUPT_IMAGE: entry(EXIT.INPUT, 'The picture cannot be decoded'),
  TOO_MANY_PIXELS: entry(EXIT.INPUT, 'The picture has more pixels than the limit'),
  TOO_LARGE: entry(EXIT.INPUT, 'The file has more bytes than the limit'),
  MISSING_IMAGE: entry(EXIT.INPUT, 'The photo named by the dataset is not there'),
  CRASHED_WORKER: entry(EXIT.INPUT, 'Working on this picture killed the process, again when it was alone'),
  CAPTION_INVALID: entry(EXIT.INPUT, 'A caption breaks the limits'),
  STORE_UNREACHABLE: entry(EXIT.STORE, 'The object store does not answer', true),
  STORE_DENIED: entry(EXIT.STORE, 'The object store refuses the credentials or the operation'),
  NO_SUCH_BUCKET: entry(EXIT.STORE, 'The bucket does not exist'),
  UNSAFE_STORE: entry(EXIT.STORE, 'The object store ignores conditional writes, so commits would not be safe'),
  CLOCK_SKEW: entry(EXIT.STORE, 'The clock of this machine and that of the object store differ too much'),
  REDIS_UNREACHABLE: entry(EXIT.STORE, 'Redis does not answer', true),
  REDIS_DENIED: entry(EXIT.STORE, 'Redis refuses the user name or password'),
  REDIS_UNSAFE: entry(EXIT.STORE, 'Redis is configured so that it may lose jobs'),
  REDIS_FULL: entry(EXIT.STORE, 'Redis has reached its memory limit', true),
  RUN_LOCKED: entry(EXIT.STORE, 'Another program is enqueueing this run right now', true),
  DOWNLOAD_FAILED: entry(EXIT.STORE, 'A file could not be fetched from its address', true),
  DISK_FULL: entry(EXIT.STORE, 'A disk of this machine is full', true),
  DIVERGED: entry(EXIT.DIVERGED, 'The loss or a gradient is no longer finite'),
  CORRUPT_OBJECT: entry(EXIT.DAMAGED, 'An object is not the one its record names', true),
  CORRUPT_SHARD: entry(EXIT.DAMAGED, 'A shard is not the one its commit record names'),
  CORRUPT_CHECKPOINT: entry(EXIT.DAMAGED, 'A checkpoint is not the one its commit record names'),
  RUN_DAMAGED: entry(EXIT.DAMAGED, 'A check of a run found damage; it is listed'),
  MISSING_SHARDS: entry(EXIT.DAMAGED, 'The run is not complete, so there is no manifest yet'),
  MIXED_ENCODER: entry(EXIT.DAMAGED, 'Features of two different encoders would be mixed'),
  FORMAT_VERSION: entry(EXIT.DAMAGED, 'A file was written by another format version of Showtell'),
  RUN_STUCK: entry(EXIT.DAMAGED, 'A run cannot go on by itself'),
  LEASE_HELD: entry(EXIT.DAMAGED, 'Another trainer is working on this training'),
  FENCED: entry(EXIT.DAMAGED, 'Another trainer has taken this training over'),
  LOCK_LOST: entry(EXIT.DAMAGED, 'A worker lost the lock of its job; another one runs it', true),
  JOB_INVALID: entry(EXIT.DAMAGED, 'A job in Redis is none that Showtell added: it names no run, shard or training'),
  ENGINE_CRASHED: entry(EXIT.DAMAGED, 'The encoder process died', true),
  INTERRUPTED: entry(EXIT.INTERRUPTED, 'Stopped by the user or by a signal'),
} as const satisfies Record<string, CodeEntry>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** Codes with which one image can be rejected while the rest of its shard is committed. */
export const REJECTION_CODES = [
  'UNSUPPORTED_FORMAT',
  'TRUNCATED',
  'CORRUPT_IMAGE',
  'TOO_MANY_PIXELS',
  'TOO_LARGE',
  'MISSING_IMAGE',
  'SOURCE_CHANGED',
  'CORRUPT_ZIP',
  'CRASHED_WORKER',
] as const satisfies readonly ErrorCode[];
export type RejectionCode = (typeof REJECTION_CODES)[number];

export interface ShowtellErrorOptions {
  /** What the reader can do about it, as a sentence. */
  readonly hint?: string;
  readonly cause?: unknown;
  /** Overrides the table, where one case of a code differs. */
  readonly retryable?: boolean;
}

/** The only error class that Showtell throws on purpose. Messages say what happened and where, never a secret. */
export class ShowtellError extends Error {
  override readonly name = 'ShowtellError';
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: ShowtellErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? ERROR_CODES[code].retryable;
    this.hint = options.hint;
  }

  get exitCode(): number {
    return ERROR_CODES[this.code].exit;
  }
}

/** True for a `ShowtellError`, also one of another copy of this module (another realm or package version). */
export function isShowtellError(error: unknown, code?: ErrorCode): error is ShowtellError {
  return error instanceof Error && error.name === 'ShowtellError' && (code === undefined || (error as ShowtellError).code === code);
}
