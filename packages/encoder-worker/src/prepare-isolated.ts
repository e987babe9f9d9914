import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { ShowtellError } from '@showtell/shared/errors';
import type { PlanRow } from '@showtell/shared/schema/plan';
import type { SourceAddress } from '@showtell/shared/schema/run';
import type { PreparedRow } from '@showtell/shared/source/prepare-rows';
import { bisect, type Verdict } from './bisect';
import { fromWire } from './engine-messages';
import type { PrepareReply, PrepareRequest } from './prepare-messages';

/** The compiled entry, also when this file runs from its source. */
const ENTRY = join(__dirname, '..', 'dist', 'prepare-main.js');

export interface IsolatedOptions {
  readonly downloads: number;
  /** Of the pixels. */
  readonly side: number;
  readonly signal: AbortSignal;
  /** The program of the child process. */
  readonly entry?: string;
}

/**
 * Prepares photos of a shard on which workers have died, in processes that may die of them: each death halves the photos, until the
 * one is found that kills its process every time, which is rejected as `CRASHED_WORKER`. In row order.
 */
export async function prepareIsolated(source: SourceAddress, rows: readonly PlanRow[], options: IsolatedOptions): Promise<PreparedRow[]> {
  const { downloads, side } = options;
  const attempt = (some: readonly PlanRow[]) => prepareInChild({ source, rows: some, downloads, side }, options);
  const alone = async (row: PlanRow): Promise<Verdict<PreparedRow>> => {
    const prepared = await attempt([row]);
    return prepared === 'crashed' ? 'guilty' : prepared[0]!;
  };
  const verdicts = await bisect(rows, attempt, alone);
  const reason = 'The process that prepared this photo died, again when it was alone';
  return verdicts.map((verdict, index) => {
    const row = rows[index]!;
    return verdict === 'guilty' ? { row, rejection: { imageId: row.imageId, code: 'CRASHED_WORKER', reason } } : verdict;
  });
}

/** A child that dies before it has anything to prepare is no photo's fault, and throws. */
async function prepareInChild(
  request: PrepareRequest,
  { signal, entry = ENTRY }: IsolatedOptions,
): Promise<readonly PreparedRow[] | 'crashed'> {
  signal.throwIfAborted();
  const child = fork(entry, [], { serialization: 'advanced', execArgv: [], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const kill = () => child.kill('SIGKILL');
  signal.addEventListener('abort', kill, { once: true });
  try {
    const ready = await nextReply(child);
    if (ready === 'crashed') throw new ShowtellError('ENGINE_CRASHED', `The process that prepares photos (pid ${child.pid}) cannot start`);
    const replied = nextReply(child);
    child.send(request, () => {});
    const reply = await replied;
    signal.throwIfAborted();
    if (reply === 'crashed') return reply;
    if (reply.type === 'failed') throw fromWire(reply.error);
    if (reply.type !== 'prepared')
      throw new ShowtellError('BUG', `Expected prepared photos from the child process but received ${reply.type}`);
    return reply.rows.map(asBuffer);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', kill);
    kill();
  }
}

function nextReply(child: ChildProcess): Promise<PrepareReply | 'crashed'> {
  return new Promise((resolve) => {
    child.once('message', (reply: PrepareReply) => resolve(reply));
    child.once('error', () => resolve('crashed'));
    child.once('exit', () => resolve('crashed'));
  });
}

/** Structured clone turns a Buffer into a plain Uint8Array. */
function asBuffer(prepared: PreparedRow): PreparedRow {
  if (prepared.rejection !== undefined) return prepared;
  const { buffer, byteOffset, byteLength } = prepared.pixels;
  return { row: prepared.row, pixels: Buffer.from(buffer, byteOffset, byteLength) };
}
