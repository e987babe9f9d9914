import pino from 'pino';
import pretty from 'pino-pretty';
import type { Settings } from './config';
import { hideSecrets } from './secrets';

/** Characters of the log that wait for a disk that is full; what comes then is lost. */
const WAITING = 2 ** 16;

/**
 * A logger of one program or worker: JSON lines, or readable lines on a terminal, on standard error,
 * because standard output belongs to what a command answers. A log that cannot be written, as on a full disk, stops nobody's work:
 * lines are written when there is room again, and how many were lost is told.
 */
export function createLogger(name: string, settings: Pick<Settings, 'logLevel'>, fd = 2): pino.Logger {
  const destination = pino.destination({ fd, sync: true, maxLength: WAITING });
  let lost = 0;
  destination.on('error', () => {});
  destination.on('drop', () => (lost += 1));
  destination.on('write', () => {
    if (lost === 0) return;
    const lines = lost;
    lost = 0;
    logger.warn({ lines }, 'lines of this log are lost: they could not be written');
  });
  const { isTTY } = process.stderr;
  const stream = isTTY ? pretty({ destination, colorize: true, ignore: 'pid,hostname', translateTime: 'HH:MM:ss' }) : destination;
  const streamWrite = isTTY ? (line: string) => harmless(hideSecrets(line)) : hideSecrets;
  const logger = pino({ name, level: settings.logLevel, serializers: { err: describeError }, hooks: { streamWrite } }, stream);
  return logger;
}

/** Escapes of control characters in JSON but line breaks and tabs; or any other escape, whose second character begins none. */
const ESCAPES = /\\(u00[01][0-9a-f]|[bfr])|\\./gi;
/** Those that JSON leaves as they are, which terminals obey all the same. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
// oxlint-disable-next-line no-control-regex
const MORE_CONTROLS = /[\u007f-\u009f]/g;

/**
 * A line of JSON in whose texts control characters are written out: made readable for a terminal, names of a dataset in messages and stacks
 * of errors could else do there what they like.
 */
export function harmless(line: string): string {
  return line
    .replace(ESCAPES, (escape, control?: string) => (control === undefined ? escape : `\\\\${control}`))
    .replace(MORE_CONTROLS, (control) => `\\\\u00${control.charCodeAt(0).toString(16)}`);
}

/** What of an error goes into a log: never its other fields, since those of a Redis error repeat the command with its password. */
export function describeError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return error;
  const { code, hint } = error as { code?: unknown; hint?: unknown };
  return {
    type: error.name,
    ...(typeof code === 'string' && { code }),
    message: error.message,
    ...(typeof hint === 'string' && { hint }),
    stack: error.stack,
    ...(error.cause !== undefined && depth < 4 && { cause: describeError(error.cause, depth + 1) }),
  };
}
