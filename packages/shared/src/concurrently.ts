/**
 * Calls `work` for every item, `limit` at a time, begun in the items' order. Once one has failed none is begun any more,
 * and the failure is thrown after those that were going on have ended: nothing goes on behind the caller's back.
 */
export async function concurrently<T>(items: Iterable<T>, limit: number, work: (item: T, index: number) => Promise<void>): Promise<void> {
  // One iterator for all: each takes the next item.
  const entries = Array.from(items).entries();
  const failures: unknown[] = [];
  const take = async () => {
    for (const [index, item] of entries) {
      if (failures.length > 0) return;
      await work(item, index).catch((error: unknown) => void failures.push(error));
    }
  };
  await Promise.all(Array.from({ length: limit }, take));
  if (failures.length > 0) throw failures[0];
}
