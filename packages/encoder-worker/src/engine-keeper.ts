import type { EncoderEngine } from './encoder/engines/engine';

/** Starts an engine over the weights of that sha256. */
export type StartEngine = (weightsSha256: string, signal: AbortSignal) => Promise<EncoderEngine>;

/** The one engine that a worker runs: kept as long as runs use the same weights, and started anew after it died. */
export class EngineKeeper {
  readonly #start: StartEngine;
  #current: { readonly weightsSha256: string; readonly engine: EncoderEngine } | undefined;

  constructor(start: StartEngine) {
    this.#start = start;
  }

  async get(weightsSha256: string, signal: AbortSignal): Promise<EncoderEngine> {
    if (this.#current?.weightsSha256 === weightsSha256) return this.#current.engine;
    await this.close();
    const engine = await this.#start(weightsSha256, signal);
    this.#current = { weightsSha256, engine };
    return engine;
  }

  /** Also how a dead engine is forgotten: the next `get` starts a fresh one. */
  async close(): Promise<void> {
    const { engine } = this.#current ?? {};
    this.#current = undefined;
    await engine?.close();
  }
}
