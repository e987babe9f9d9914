import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { ShowtellError } from '@showtell/shared/errors';
import { withKeptLibraries } from '@showtell/shared/onnx/cuda';
import { checkPixels, type EncoderEngine, type EngineDescription, type EngineOptions, type OnNotice } from './encoder/engines/engine';
import type { KeptEngine } from './engine-keeper';
import { type EngineReply, type EngineRequest, fromWire } from './engine-messages';
import { Patience } from './patience';
import { openPixelArea, type PixelArea } from './pixel-area';

export interface EngineProcessOptions extends EngineOptions {
  /** Ends the start; once the engine runs it has no effect. */
  readonly signal?: AbortSignal;
  readonly onNotice?: OnNotice;
  /** How long it may take to open, and to encode a batch, before it is taken for one that hangs. Default: ten minutes. */
  readonly answerMs?: number;
}

/** An engine that runs in a process of its own. */
export interface EngineProcess extends EncoderEngine {
  readonly pid: number;
  /** Resident memory of that process after the last encoding, bytes; 0 before the first. */
  readonly rss: number;
}

/** The compiled entry, also when this file runs from its source. */
const ENTRY = join(__dirname, '..', 'dist', 'engine-main.js');
const STDERR_KEPT = 2_000;
/** How long an engine with nothing left to do may take to end before it is killed. */
const CLOSE_MS = 5_000;
/** Of a driver that hangs nobody hears again, while its worker renews the lock of the job for ever. No sound engine takes as long. */
const ANSWER_MS = 600_000;

/**
 * Starts an engine in a child process, so that its computing neither blocks this event loop nor takes this process down with it.
 * Requests may overlap; they are answered in order. The child ends when this process does, however that happens.
 * @throws what `openEngine` throws; `ENGINE_CRASHED` when the child dies, or hangs and is killed, also from every `encode()` then in
 * flight or made later.
 */
export async function startEngineProcess({
  signal,
  onNotice,
  answerMs = ANSWER_MS,
  ...options
}: EngineProcessOptions): Promise<EngineProcess> {
  const area = openPixelArea();
  try {
    const { child, exited, reply, patience } = await startChild({ type: 'open', options }, { signal, onNotice, answerMs, area });
    if (reply.type !== 'ready') throw unexpected(reply);
    void exited.then(() => area?.close());
    return engineOver(child, exited, reply, area, patience, onNotice);
  } catch (error) {
    area?.close();
    throw error;
  }
}

/**
 * The device that an engine of these options gets, tried in a process of its own: a driver may take its process down.
 * @throws what `openEngine` throws, but for what it says of weights, which are not read.
 */
export async function probeEngineProcess({
  signal,
  answerMs = ANSWER_MS,
  ...options
}: Omit<EngineProcessOptions, 'weights' | 'onNotice'>): Promise<EngineDescription> {
  const { child, exited, reply } = await startChild({ type: 'probe', options: { ...options, weights: '' } }, { signal, answerMs });
  // Asked, not cut off: of a child that its parent disconnected Node.js tells no `close`, and this would wait for ever.
  child.send({ type: 'close' } satisfies EngineRequest, ignoreError);
  await exited;
  if (reply.type === 'probed') return reply.description;
  throw unexpected(reply);
}

/** How a worker comes to its engines; tests give their own. */
export interface EngineProcesses {
  readonly probe: typeof probeEngineProcess;
  readonly start: (options: EngineProcessOptions) => Promise<KeptEngine>;
}
export const ENGINE_PROCESSES: EngineProcesses = { probe: probeEngineProcess, start: startEngineProcess };

const unexpected = ({ type }: EngineReply) => new ShowtellError('BUG', `Expected another reply from the encoder process than ${type}`);

interface StartedChild {
  readonly child: ChildProcess;
  readonly exited: Promise<ShowtellError>;
  readonly reply: EngineReply;
  readonly patience: Patience;
}

interface StartOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onNotice?: OnNotice | undefined;
  readonly answerMs: number;
  readonly area?: PixelArea | undefined;
}

/** A process that has answered its first request; when it refuses, dies, hangs, or the signal aborts, there is none. */
async function startChild(request: EngineRequest, { signal, onNotice, answerMs, area }: StartOptions): Promise<StartedChild> {
  signal?.throwIfAborted();
  const child = fork(ENTRY, [], {
    serialization: 'advanced',
    env: withKeptLibraries(),
    execArgv: ['--expose-gc'],
    // The last one is AREA_FD there.
    stdio: ['ignore', 'inherit', 'pipe', 'ipc', ...(area ? [area.fd] : [])],
  });
  const patience = new Patience(child, answerMs);
  const exited = watchExit(child, patience);
  const kill = () => child.kill('SIGKILL');
  signal?.addEventListener('abort', kill, { once: true });
  patience.begin();
  try {
    const replied = firstReply(child, onNotice);
    child.send(request, ignoreError);
    const reply = await Promise.race([replied, exited.then((error) => Promise.reject(error))]);
    if (reply.type === 'refused') throw fromWire(reply.error);
    return { child, exited, reply, patience };
  } catch (error) {
    kill();
    await exited;
    signal?.throwIfAborted();
    throw error;
  } finally {
    patience.end();
    signal?.removeEventListener('abort', kill);
  }
}

/** What is noticed while an engine opens (how large its batches are) comes before the reply. */
function firstReply(child: ChildProcess, onNotice: OnNotice | undefined): Promise<EngineReply> {
  return new Promise((resolve) => {
    const listen = (reply: EngineReply) => {
      if (reply.type === 'notice') return onNotice?.(reply.notice);
      child.off('message', listen);
      resolve(reply);
    };
    child.on('message', listen);
  });
}

function engineOver(
  child: ChildProcess,
  exited: Promise<ShowtellError>,
  ready: EngineReply & { type: 'ready' },
  area: PixelArea | undefined,
  patience: Patience,
  onNotice: OnNotice | undefined,
): EngineProcess {
  const { description, side, dimension } = ready;
  const pending = new Map<number, { resolve: (features: Float32Array) => void; reject: (error: Error) => void }>();
  let { batch } = ready;
  let rss = 0;
  let next = 0;
  let crashed: ShowtellError | undefined;
  let closed: Promise<void> | undefined;
  let idle: (() => void) | undefined;

  const settle = (id: number) => {
    const request = pending.get(id)!;
    pending.delete(id);
    if (pending.size > 0) patience.begin();
    else {
      patience.end();
      idle?.();
    }
    return request;
  };
  child.on('message', (reply: EngineReply) => {
    if (reply.type === 'features') {
      rss = reply.rss;
      settle(reply.id).resolve(reply.features);
    } else if (reply.type === 'failed') settle(reply.id).reject(fromWire(reply.error));
    else if (reply.type === 'notice') {
      batch = reply.notice.batch;
      onNotice?.(reply.notice);
    }
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
    get batch() {
      return batch;
    },
    get rss() {
      return rss;
    },
    async encode(pixels, count) {
      checkPixels(pixels, count, side);
      if (closed) throw new ShowtellError('BUG', 'encode() was called on a closed engine');
      if (crashed) throw crashed;
      const id = next++;
      // Who asks before the last request is answered must not overwrite its pixels.
      const laid = pending.size === 0 && area?.write(pixels) === true;
      return new Promise((resolve, reject) => {
        if (pending.size === 0) patience.begin();
        pending.set(id, { resolve, reject });
        child.send({ type: 'encode', id, count, ...(!laid && { pixels }) } satisfies EngineRequest, ignoreError);
      });
    },
    close: () => (closed ??= close()),
  };
}

/** A message that cannot be delivered means that the child is gone, which `exited` tells with its cause. */
function ignoreError(): void {}

/** Settles when the child is gone, with the error that tells how it ended and what it last said. Never rejects. */
function watchExit(child: ChildProcess, patience: Patience): Promise<ShowtellError> {
  let said = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-STDERR_KEPT);
  });
  return new Promise((resolve) => {
    child.once('error', (cause) =>
      resolve(new ShowtellError('ENGINE_CRASHED', `The encoder process cannot be started: ${cause.message}`, { cause })),
    );
    child.once('close', (code, signal) => {
      const how = patience.lost
        ? `gave no answer for ${patience.seconds} s and was killed`
        : signal
          ? `was killed by ${signal}`
          : `ended with exit code ${code}`;
      const text = said.trim();
      resolve(new ShowtellError('ENGINE_CRASHED', `The encoder process (pid ${child.pid}) ${how}${text && `; it last said: ${text}`}`));
    });
  });
}
