/** 32-bit integers, one after the other, without an object for each. */
export class GrowingIntegers {
  #array = new Int32Array(8);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    if (this.#length === this.#array.length) {
      const larger = new Int32Array(2 * this.#array.length);
      larger.set(this.#array);
      this.#array = larger;
    }
    this.#array[this.#length++] = value;
  }

  /** All of them, in memory of their own. */
  array(): Int32Array {
    return this.#array.slice(0, this.#length);
  }
}
