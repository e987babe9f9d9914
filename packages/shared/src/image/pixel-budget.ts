/** Lets work begin as long as what all of it takes together is within a limit, in the order in which it came. */
export class PixelBudget {
  private free: number;
  private readonly waiting: { readonly pixels: number; readonly begin: () => void }[] = [];

  constructor(private readonly limit: number) {
    this.free = limit;
  }

  /** What alone is more than the limit waits for all else to end. */
  async run<T>(pixels: number, work: () => Promise<T>): Promise<T> {
    const taken = Math.min(pixels, this.limit);
    if (this.waiting.length > 0 || taken > this.free)
      await new Promise<void>((begin) => {
        this.waiting.push({ pixels: taken, begin });
      });
    else this.free -= taken;
    try {
      return await work();
    } finally {
      this.free += taken;
      for (let next = this.waiting[0]; next !== undefined && next.pixels <= this.free; next = this.waiting[0]) {
        this.waiting.shift();
        this.free -= next.pixels;
        next.begin();
      }
    }
  }
}
