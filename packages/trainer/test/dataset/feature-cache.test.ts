import { FeatureCache } from '../../src/dataset/feature-cache';

/** Ten shards of 10 bytes; shard `n` holds the number n. */
function cache(limit: number, failing = new Set<number>()) {
  const reads: number[] = [];
  const source = {
    bytes: Array.from({ length: 10 }, () => 10),
    read: async (shard: number) => {
      reads.push(shard);
      await new Promise(setImmediate);
      if (failing.has(shard)) throw new Error(`no shard ${shard}`);
      return Float32Array.of(shard);
    },
  };
  return { of: new FeatureCache(source, limit), reads };
}

const turn = async () => {
  for (let turns = 0; turns < 20; turns++) await new Promise(setImmediate);
};

test('what is kept is not read again, and of two who want it at once one reads', async () => {
  const { of, reads } = cache(100);
  expect(await Promise.all([of.get(3), of.get(3)])).toEqual([Float32Array.of(3), Float32Array.of(3)]);
  expect(await of.get(3)).toEqual(Float32Array.of(3));
  expect(reads).toEqual([3]);
});

test('what was not wanted for longest goes first, and never more is kept than the limit', async () => {
  const { of, reads } = cache(30);
  for (const shard of [0, 1, 2, 0, 3]) {
    await of.get(shard);
    expect(of.bytes).toBeLessThanOrEqual(30);
  }
  for (const shard of [0, 2, 3]) await of.get(shard);
  expect(reads).toEqual([0, 1, 2, 3]);
  await of.get(1);
  expect(reads).toEqual([0, 1, 2, 3, 1]);
});

test.each([0, 5])('with a limit of %s bytes it still gives every shard', async (limit) => {
  const { of } = cache(limit);
  for (const shard of [4, 5, 4]) expect(await of.get(shard)).toEqual(Float32Array.of(shard));
});

test('what was read anyhow is kept only where there is room', async () => {
  const { of, reads } = cache(20);
  for (const shard of [7, 8, 9]) of.offer(shard, Float32Array.of(shard));
  expect(of.bytes).toBe(20);
  for (const shard of [7, 8, 9]) await of.get(shard);
  expect(reads).toEqual([9]);
});

test('reading ahead takes the room of what is not in use, and no more', async () => {
  const { of, reads } = cache(40);
  for (const shard of [0, 1, 2]) await of.get(shard);
  of.readAhead([5, 6, 7], new Set([1, 2]));
  await turn();
  expect(reads).toEqual([0, 1, 2, 5, 6]);
  for (const shard of [1, 2, 5, 6]) await of.get(shard);
  expect(reads).toHaveLength(5);
  await of.close();
  expect(of.bytes).toBe(0);
});

test('what is read ahead for one window is forgotten for the next', async () => {
  const { of, reads } = cache(100);
  of.readAhead([1, 2, 3, 4, 5], new Set());
  of.readAhead([8, 9], new Set());
  await turn();
  expect([...reads].sort((a, b) => a - b)).toEqual([1, 2, 8, 9]);
});

test('a failure ahead is told when the shard is wanted, after another try', async () => {
  const { of, reads } = cache(100, new Set([6]));
  of.readAhead([6], new Set());
  await turn();
  await expect(of.get(6)).rejects.toThrow('no shard 6');
  expect(reads).toEqual([6, 6]);
  expect(of.bytes).toBe(0);
});
