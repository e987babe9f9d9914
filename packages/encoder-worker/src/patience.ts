import type { ChildProcess } from 'node:child_process';

/** Kills a process that leaves a request unanswered for too long. */
export class Patience {
  readonly #child: ChildProcess;
  readonly #milliseconds: number;
  #timer: NodeJS.Timeout | undefined;
  /** Whether that has happened. */
  lost = false;

  constructor(child: ChildProcess, milliseconds: number) {
    this.#child = child;
    this.#milliseconds = milliseconds;
  }

  get seconds(): number {
    return this.#milliseconds / 1_000;
  }

  /** From now on the next answer is waited for. */
  begin(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.lost = true;
      this.#child.kill('SIGKILL');
    }, this.#milliseconds);
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}
