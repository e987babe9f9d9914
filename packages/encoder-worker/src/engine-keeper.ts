import { unlessAborted } from '@showtell/shared/queue/until';
import type { EncoderEngine } from './encoder/engines/engine';

/** An engine of which it is known how much memory its process takes (bytes; 0 while it is not). */
export type KeptEngine = EncoderEngine & { readonly rss?: number };

/** Starts an engine over the weights of that sha256. */
export type StartEngine = (weightsSha256: string, signal: AbortSignal) => Promise<KeptEngine>;

export interface EngineKeeperOptions {
  /** An engine whose process has more memory, in bytes, is ended after the job in hand; the next one starts another. 0: never. */
  readonly memory?: number;
  readonly onRecycle?: (rss: number) => void;
}

/** An encoder that simply is that large is not mended by a new start: it must also have grown by so much since its first job. */
const GROWN = 1.5;

interface Current {
  readonly weightsSha256: string;
  readonly engine: KeptEngine;
  /** Memory after the first job. */
  first: number | undefined;
}

/** The one engine that a lane runs: kept as long as runs use the same weights, and started anew after it died or took too much memory. */
export class EngineKeeper {
  readonly #start: StartEngine;
  readonly #options: EngineKeeperOptions;
  #current: Current | undefined;
  #turn: Promise<void> = Promise.resolve();

  constructor(start: StartEngine, options: EngineKeeperOptions = {}) {
    this.#start = start;
    this.#options = options;
  }

  async get(weightsSha256: string, signal: AbortSignal): Promise<KeptEngine> {
    if (this.#current?.weightsSha256 === weightsSha256) return this.#current.engine;
    await this.close();
    const engine = await this.#start(weightsSha256, signal);
    this.#current = { weightsSha256, engine, first: undefined };
    return engine;
  }

  /**
   * Runs `work` while nobody else has the engine, first come, first served: what kills the engine is then in one job, and while it
   * is looked for no neighbour is blamed. @throws the signal's reason, when it aborts before the turn has come.
   */
  async inTurn<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const before = this.#turn;
    let end = () => {};
    const mine = new Promise<void>((resolve) => {
      end = resolve;
    });
    this.#turn = before.then(() => mine);
    try {
      await unlessAborted(before, signal);
      const result = await work();
      await this.#recycle();
      return result;
    } finally {
      end();
    }
  }

  /** Also how a dead engine is forgotten: the next `get` starts a fresh one. */
  async close(): Promise<void> {
    const { engine } = this.#current ?? {};
    this.#current = undefined;
    await engine?.close();
  }

  async #recycle(): Promise<void> {
    const { memory = 0, onRecycle } = this.#options;
    const rss = this.#current?.engine.rss ?? 0;
    if (memory === 0 || rss === 0) return;
    this.#current!.first ??= rss;
    if (rss <= Math.max(memory, GROWN * this.#current!.first)) return;
    onRecycle?.(rss);
    await this.close();
  }
}
