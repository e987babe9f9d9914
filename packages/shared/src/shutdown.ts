import type { Logger } from 'pino';
import { EXIT, ShowtellError } from './errors';

interface Step {
  readonly name: string;
  readonly undo: () => unknown;
}

/** How long a stopped process may go on by itself once everything is undone. */
const LINGER_MS = 1_000;

/**
 * What a program must undo before it ends, last opened first. `signal` aborts when the program shall stop:
 * at the first SIGINT or SIGTERM, or at `run()`. A second signal ends the process at once.
 */
export class Shutdown {
  readonly #controller = new AbortController();
  readonly #steps: Step[] = [];
  #logger: Logger | undefined;
  #running: Promise<void> | undefined;
  #finished = false;
  #release: (() => void) | undefined;
  #signalled = false;

  constructor(logger?: Logger) {
    this.#logger = logger;
  }

  /** Whom to tell from now on: a program listens for signals before it knows how it logs. */
  logTo(logger: Logger): void {
    this.#logger = logger;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Remembers how to undo what was just opened. After the end it is undone at once. */
  defer(name: string, undo: () => unknown): void {
    const step = { name, undo };
    if (this.#finished) void this.#undo(step);
    else this.#steps.push(step);
  }

  /** Asks to stop without tearing anything down yet; whoever watches `signal` then calls `run`. */
  request(reason: string): void {
    if (!this.signal.aborted) this.#controller.abort(new ShowtellError('INTERRUPTED', reason));
  }

  /** Listens for SIGINT and SIGTERM of this process until `run` has ended. */
  handleSignals(): this {
    const onSignal = (name: NodeJS.Signals) => {
      if (this.signal.aborted) process.exit(EXIT.INTERRUPTED);
      this.#signalled = true;
      this.#logger?.info({ signal: name }, 'stopping; a second signal stops at once');
      this.request(`Stopped by ${name}`);
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
    this.#release = () => {
      process.off('SIGINT', onSignal);
      process.off('SIGTERM', onSignal);
    };
    return this;
  }

  /** Undoes everything once, however often it is called. A step that fails is logged and does not keep the others from running. */
  run(): Promise<void> {
    this.#running ??= this.#unwind();
    return this.#running;
  }

  async #unwind(): Promise<void> {
    this.request('The program ends');
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) await this.#undo(step);
    this.#finished = true;
    this.#release?.();
    // Libraries keep timers while they wait for a server that is away, for ever if need be; nobody waits for them any more.
    if (this.#signalled) setTimeout(() => process.exit(), LINGER_MS).unref();
  }

  async #undo({ name, undo }: Step): Promise<void> {
    try {
      await undo();
    } catch (err) {
      this.#logger?.error({ err, step: name }, 'could not close');
    }
  }
}
