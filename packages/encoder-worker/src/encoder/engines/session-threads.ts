import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { ShowtellError } from '@showtell/shared/errors';
import type { Compute } from './batches';

/** The compiled entry, from `src` and from `dist` alike. */
const ENTRY = join(__dirname, '..', '..', '..', 'dist', 'encoder', 'engines', 'session-thread-main.js');

export interface SessionThreadData {
  readonly model: Uint8Array;
  readonly threads: number;
  readonly side: number;
}
export type ThreadRequest = { readonly type: 'run'; readonly pixels: Uint8Array; readonly count: number } | { readonly type: 'close' };
export type ThreadReply =
  | { readonly type: 'ready' }
  | { readonly type: 'features'; readonly features: Float32Array<ArrayBuffer> }
  | { readonly type: 'failed'; readonly error: Error };

export interface SessionThreadsOptions {
  /** Sessions, each in a thread of JavaScript of its own: `run()` blocks the one that calls it. */
  readonly sessions: number;
  /** Threads of each session. */
  readonly threads: number;
  /** Of the pixels. */
  readonly side: number;
}

/**
 * Several sessions of one model side by side, each with its share of the images. They wait for each other once a batch; threads of one
 * session do at every operator, which costs a tenth where operators take less than a millisecond.
 */
export class SessionThreads {
  readonly #workers: readonly Worker[];

  private constructor(workers: readonly Worker[]) {
    this.#workers = workers;
  }

  static async open(model: Uint8Array, { sessions, threads, side }: SessionThreadsOptions): Promise<SessionThreads> {
    const workerData: SessionThreadData = { model, threads, side };
    const workers = Array.from({ length: sessions }, () => new Worker(ENTRY, { workerData }));
    try {
      await Promise.all(workers.map(nextReply));
    } catch (error) {
      await Promise.all(workers.map((worker) => worker.terminate()));
      throw error;
    }
    return new SessionThreads(workers);
  }

  /** Shares the images out as evenly as may be. Calls must not overlap. */
  readonly compute: Compute = async (pixels, count) => {
    const workers = this.#workers.slice(0, count);
    const imageBytes = pixels.length / count;
    const first = (worker: number) => Math.round((worker * count) / workers.length);
    // All of them, also where one fails: the next call must not be given what belongs to this one.
    const settled = await Promise.allSettled(
      workers.map((worker, index) => {
        const [start, end] = [first(index), first(index + 1)];
        const share = new Uint8Array(pixels.subarray(start * imageBytes, end * imageBytes));
        worker.postMessage({ type: 'run', pixels: share, count: end - start } satisfies ThreadRequest, [share.buffer]);
        return nextReply(worker);
      }),
    );
    const parts = settled.map((part) => {
      if (part.status === 'rejected') throw part.reason as Error;
      return part.value;
    });
    const features = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
    let offset = 0;
    for (const part of parts) {
      features.set(part, offset);
      offset += part.length;
    }
    return features;
  };

  async release(): Promise<void> {
    await Promise.all(
      this.#workers.map((worker) => {
        const ended = new Promise((resolve) => worker.once('exit', resolve));
        worker.ref();
        worker.postMessage({ type: 'close' } satisfies ThreadRequest, []);
        return ended;
      }),
    );
  }
}

/** What the worker answers next. @throws what it failed with, or that it ended. */
function nextReply(worker: Worker): Promise<Float32Array> {
  return new Promise((resolve, reject) => {
    const settle = (end: () => void) => {
      worker.unref();
      worker.off('message', onMessage).off('error', onError).off('exit', onExit);
      end();
    };
    const onMessage = (reply: ThreadReply) =>
      settle(() => {
        if (reply.type === 'failed') reject(reply.error);
        else resolve(reply.type === 'features' ? reply.features : new Float32Array(0));
      });
    const onError = (error: Error) => settle(() => reject(error));
    const onExit = (code: number) =>
      settle(() => reject(new ShowtellError('ENGINE_CRASHED', `A thread of the encoder ended with code ${code}`)));
    // A thread keeps the process alive only while it is waited for.
    worker.ref();
    worker.on('message', onMessage).on('error', onError).on('exit', onExit);
  });
}
