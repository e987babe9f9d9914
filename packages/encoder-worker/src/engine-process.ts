import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { ShowtellError } from '@showtell/shared/errors';
import { checkPixels, type EncoderEngine, type EngineOptions } from './encoder/engines/engine';
import { type EngineReply, type EngineRequest, fromWire } from './engine-messages';

export interface EngineProcessOptions extends EngineOptions {
  /** Ends the start; once the engine runs it has no effect. */
  readonly signal?: AbortSignal;
}

/** An engine that runs in a process of its own. */
export interface EngineProcess extends EncoderEngine {
  readonly pid: number;
}

/** The compiled entry, also when this file runs from its source. */
const ENTRY = join(__dirname, '..', 'dist', 'engine-main.js');
const STDERR_KEPT = 2_000;
/** How long an engine with nothing left to do may take to end before it is killed. */
const CLOSE_MS = 5_000;

/**
 * Starts an engine in a child process, so that its computing neither blocks this event loop nor takes this process down with it.
 * Requests may overlap; they are answered in order. The child ends when this process does, however that happens.
 * @throws what `openEngine` throws; `ENGINE_CRASHED` when the child dies, also from every `encode()` then in flight or made later.
 */
export async function startEngineProcess({ signal, ...options }: EngineProcessOptions): Promise<EngineProcess> {
  signal?.throwIfAborted();
  const child = fork(ENTRY, [], { serialization: 'advanced', execArgv: ['--expose-gc'], stdio: ['ignore', 'inherit', 'pipe', 'ipc'] });
  const exited = watchExit(child);
  const kill = () => child.kill('SIGKILL');
  signal?.addEventListener('abort', kill, { once: true });
  try {
    const opened = new Promise<EngineReply>((resolve) => child.once('message', resolve));
    child.send({ type: 'open', options } satisfies EngineRequest, ignoreError);
    const reply = await Promise.race([opened, exited.then((error) => Promise.reject(error))]);
    if (reply.type === 'refused') throw fromWire(reply.error);
    if (reply.type !== 'ready') throw new ShowtellError('BUG', `Expected ready from the encoder process but received ${reply.type}`);
    return engineOver(child, exited, reply);
  } catch (error) {
    kill();
    await exited;
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', kill);
  }
}

function engineOver(
  child: ChildProcess,
  exited: Promise<ShowtellError>,
  { description, side, dimension }: EngineReply & { type: 'ready' },
): EngineProcess {
  const pending = new Map<number, { resolve: (features: Float32Array) => void; reject: (error: Error) => void }>();
  let next = 0;
  let crashed: ShowtellError | undefined;
  let closed: Promise<void> | undefined;
  let idle: (() => void) | undefined;

  const settle = (id: number) => {
    const request = pending.get(id)!;
    pending.delete(id);
    if (pending.size === 0) idle?.();
    return request;
  };
  child.on('message', (reply: EngineReply) => {
    if (reply.type === 'features') settle(reply.id).resolve(reply.features);
    else if (reply.type === 'failed') settle(reply.id).reject(fromWire(reply.error));
  });
  void (async () => {
    crashed = await exited;
    for (const id of pending.keys()) settle(id).reject(crashed);
  })();

  async function close(): Promise<void> {
    if (pending.size > 0) await new Promise<void>((resolve) => (idle = resolve));
    if (crashed) return;
    child.send({ type: 'close' } satisfies EngineRequest, ignoreError);
    const timer = setTimeout(() => child.kill('SIGKILL'), CLOSE_MS);
    await exited;
    clearTimeout(timer);
  }

  return {
    pid: child.pid!,
    description,
    side,
    dimension,
    async encode(pixels, count) {
      checkPixels(pixels, count, side);
      if (closed) throw new ShowtellError('BUG', 'encode() was called on a closed engine');
      if (crashed) throw crashed;
      const id = next++;
      return new Promise((resolve, reject) => {
        pending.set(id, { resolve, reject });
        child.send({ type: 'encode', id, pixels, count } satisfies EngineRequest, ignoreError);
      });
    },
    close: () => (closed ??= close()),
  };
}

/** A message that cannot be delivered means that the child is gone, which `exited` tells with its cause. */
function ignoreError(): void {}

/** Settles when the child is gone, with the error that tells how it ended and what it last said. Never rejects. */
function watchExit(child: ChildProcess): Promise<ShowtellError> {
  let said = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-STDERR_KEPT);
  });
  return new Promise((resolve) => {
    child.once('error', (cause) =>
      resolve(new ShowtellError('ENGINE_CRASHED', `The encoder process cannot be started: ${cause.message}`, { cause })),
    );
    child.once('close', (code, signal) => {
      const how = signal ? `was killed by ${signal}` : `ended with exit code ${code}`;
      const text = said.trim();
      resolve(new ShowtellError('ENGINE_CRASHED', `The encoder process (pid ${child.pid}) ${how}${text && `; it last said: ${text}`}`));
    });
  });
}
