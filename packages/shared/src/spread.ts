/**
 * The numbers 0 to n - 1, each once, so that those up to any place lie spread over all of them: whoever stops when he has enough has
 * taken a sample of everything. In bit-reversed order.
 */
export function* spread(n: number): Generator<number, void, undefined> {
  let bits = 0;
  while (2 ** bits < n) bits++;
  for (let count = 0; count < 2 ** bits; count++) {
    let reversed = 0;
    for (let bit = 0; bit < bits; bit++) reversed = reversed * 2 + (Math.floor(count / 2 ** bit) % 2);
    if (reversed < n) yield reversed;
  }
}
