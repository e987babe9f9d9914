/** What came of an item: its result, or that it kills every process that touches it. */
export type Verdict<R> = R | 'guilty';

/**
 * Finds the items that crash whoever works on them: all at once; where that crashes, each half by itself, down to one,
 * which `alone` then judges. Items that pass are innocent, whatever the crash before was. Results come in the items' order.
 */
export async function bisect<T, R>(
  items: readonly T[],
  attempt: (items: readonly T[]) => Promise<readonly R[] | 'crashed'>,
  alone: (item: T) => Promise<Verdict<R>>,
): Promise<Verdict<R>[]> {
  if (items.length === 0) return [];
  const results = await attempt(items);
  if (results !== 'crashed') return [...results];
  if (items.length === 1) return [await alone(items[0]!)];
  const middle = items.length >> 1;
  const first = await bisect(items.slice(0, middle), attempt, alone);
  return [...first, ...(await bisect(items.slice(middle), attempt, alone))];
}
