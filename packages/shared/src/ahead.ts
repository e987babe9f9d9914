/** Does numbered work in its order, and some of it before it is asked for. */
export class Ahead<T> {
  readonly #count: number;
  readonly #work: (index: number) => Promise<T>;
  readonly #begun: Promise<T>[] = [];
  #next = 0;

  constructor(count: number, work: (index: number) => Promise<T>) {
    this.#count = count;
    this.#work = work;
  }

  /** Begins what comes next, until so much is begun and not taken. */
  begin(some: number): void {
    while (this.#begun.length < some && this.#next < this.#count) {
      const result = this.#work(this.#next++);
      // Awaited when it is taken; until then its failure must not count as unhandled.
      result.catch(() => {});
      this.#begun.push(result);
    }
  }

  /** The next results, fewer at the end and then none; as many are begun behind them. */
  async take(some: number): Promise<T[]> {
    this.begin(some);
    const taken = await Promise.all(this.#begun.splice(0, some));
    this.begin(some);
    return taken;
  }

  /** Once nothing that was begun still goes on, whatever came of it. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#begun);
  }
}
