/** Where the time goes, stage by stage. */
export class Stages {
  readonly finished: { readonly name: string; readonly seconds: number; readonly note: string }[] = [];
  /** Milliseconds since the process began, which is when the first stage did. */
  #last = 0;

  /** Ends the stage that has run since the one before ended. */
  end(name: string, note: string): void {
    const now = performance.now();
    this.finished.push({ name, seconds: (now - this.#last) / 1_000, note });
    this.#last = now;
  }

  get totalSeconds(): number {
    return this.#last / 1_000;
  }
}
