/** Batches of an epoch that are shuffled together before they are sorted: longer ones would be all alike in every epoch. */
const WINDOW_BATCHES = 20;

/** Whole batches, in the order given; what is left over at the end is left out, so that everyone may compile for one size. */
export function cut(order: readonly number[], batchSize: number): number[][] {
  return Array.from({ length: Math.floor(order.length / batchSize) }, (_, batch) =>
    order.slice(batch * batchSize, (batch + 1) * batchSize),
  );
}

/** The order with windows of some batches sorted by length: bucketing as it is usually done, with less padding and some chance left. */
export function shortestFirst(order: readonly number[], tokens: readonly number[], batchSize: number): number[] {
  const window = WINDOW_BATCHES * batchSize;
  const windows = Array.from({ length: Math.ceil(order.length / window) }, (_, index) => order.slice(index * window, (index + 1) * window));
  return windows.flatMap((captions) => captions.sort((a, b) => tokens[a]! - tokens[b]!));
}

/**
 * Every `stride`-th of the batches when they lie shortest to longest, so that a part of an epoch has its lengths in the
 * epoch's proportions; in their own order.
 */
export function sample(batches: readonly (readonly number[])[], tokens: readonly number[], stride: number): (readonly number[])[] {
  const longest = batches.map((captions) => Math.max(...captions.map((caption) => tokens[caption]!)));
  const sorted = batches.map((_, batch) => batch).sort((a, b) => longest[a]! - longest[b]!);
  const chosen = new Set(sorted.filter((_, place) => place % stride === stride >> 1));
  return batches.filter((_, batch) => chosen.has(batch));
}
