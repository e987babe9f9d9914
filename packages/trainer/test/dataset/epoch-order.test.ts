import { type ShardSamples, wholeOrder, windowedOrder } from '../../src/dataset/epoch-order';

const sorted = (samples: Iterable<number>) => [...samples].sort((a, b) => a - b);
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index);

test('an epoch sees every sample once, in an order of its own that seed and epoch alone decide', () => {
  const { samples } = wholeOrder(7, 3, 1000);
  expect(sorted(samples)).toEqual(upTo(1000));
  expect(wholeOrder(7, 3, 1000).samples).toEqual(samples);
  expect(wholeOrder(7, 4, 1000).samples).not.toEqual(samples);
  expect(wholeOrder(8, 3, 1000).samples).not.toEqual(samples);
});

describe('in windows', () => {
  /** 20 shards of 10 images with two captions each; one more shard of which no caption is trained on. */
  const shards: ShardSamples = {
    images: upTo(21).map(() => 10),
    samples: upTo(21).map((shard) => Int32Array.from({ length: shard === 20 ? 0 : 20 }, (_, index) => 20 * shard + index)),
  };
  const order = windowedOrder(7, 3, shards, 35);

  test('every sample comes once, and each window holds those of its own shards alone', () => {
    expect(sorted(order.samples)).toEqual(upTo(400));
    expect(order.windows.map(({ shards: chosen }) => chosen.length)).toEqual([4, 4, 4, 4, 4]);
    expect(sorted(order.windows.flatMap(({ shards: chosen }) => chosen))).toEqual(upTo(20));
    let begin = 0;
    for (const { shards: chosen, end } of order.windows) {
      const own = [...order.samples.subarray(begin, end)];
      expect(new Set(own.map((sample) => Math.floor(sample / 20)))).toEqual(new Set(chosen));
      expect(own).not.toEqual(sorted(own));
      begin = end;
    }
    expect(begin).toBe(400);
  });

  test('shards meet others in each epoch', () => {
    expect(windowedOrder(7, 3, shards, 35)).toEqual(order);
    expect(windowedOrder(7, 4, shards, 35).windows[0]!.shards).not.toEqual(order.windows[0]!.shards);
    expect(windowedOrder(8, 3, shards, 35).samples).not.toEqual(order.samples);
  });

  test('a window of one shard and one of everything', () => {
    expect(windowedOrder(7, 3, shards, 1).windows).toHaveLength(20);
    const [all, ...others] = windowedOrder(7, 3, shards, 1e6).windows;
    expect([all!.end, others.length]).toEqual([400, 0]);
  });
});
