import pino from 'pino';
import pretty from 'pino-pretty';
import type { Settings } from './config';

/** User names and passwords in addresses, wherever they stand in a line. */
const CREDENTIALS = /([a-z][a-z0-9+.-]*:\/\/)[^\s/@"']+@/gi;
export const redact = (text: string) => text.replace(CREDENTIALS, '$1***@');

/**
 * A logger of one program or worker: JSON lines, or readable lines on a terminal, on standard error,
 * because standard output belongs to what a command answers.
 */
export function createLogger(name: string, settings: Pick<Settings, 'logLevel'>): pino.Logger {
  const destination = pino.destination({ fd: 2, sync: true });
  const stream = process.stderr.isTTY
    ? pretty({ destination, colorize: true, ignore: 'pid,hostname', translateTime: 'HH:MM:ss' })
    : destination;
  return pino({ name, level: settings.logLevel, serializers: { err: describeError }, hooks: { streamWrite: redact } }, stream);
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
