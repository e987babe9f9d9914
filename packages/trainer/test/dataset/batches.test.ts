import { batchCount, batchesOf } from '../../src/dataset/batches';
import { type EpochOrder, ownOrder, shardSamples, windowedOrder } from '../../src/dataset/epoch-order';
import { FeatureCache } from '../../src/dataset/feature-cache';
import { FeatureTable } from '../../src/dataset/feature-table';
import { captionOf, SampleCollector } from '../../src/dataset/samples';

const ROWS = 3;
const SHARDS = 8;

/** Eight shards of three rows, row r being (r); two captions of each row. */
function dataset(shardsInMemory: number) {
  const reads: number[] = [];
  const read = async (shard: number) => {
    reads.push(shard);
    return Float32Array.from({ length: ROWS }, (_, row) => ROWS * shard + row);
  };
  const bytes = Array.from({ length: SHARDS }, () => 4 * ROWS);
  const features = new FeatureTable(
    1,
    bytes.map(() => ROWS),
    new FeatureCache({ bytes, read }, shardsInMemory * 4 * ROWS),
  );
  const collector = new SampleCollector(3, (word) => Number(word) + 4);
  for (let row = 0; row < SHARDS * ROWS; row++) for (const caption of [`${row}`, `${row} 0`]) collector.add(caption, row);
  return { features, samples: collector.samples(), reads };
}

async function allBatches({ features, samples }: ReturnType<typeof dataset>, order: EpochOrder, batchSize: number, first = 0) {
  const batches = [];
  for await (const batch of batchesOf(features, samples, order, batchSize, first)) batches.push(batch);
  await features.close();
  return batches;
}

test('batches hold the features of their captions, in the order; the last one is smaller', async () => {
  const data = dataset(SHARDS);
  const order = { samples: Uint32Array.of(4, 0, 1, 46, 3), windows: [] };
  const batches = await allBatches(data, order, 2);
  expect(batchCount(5, 2)).toBe(3);
  expect(batches.map(({ features }) => [...features])).toEqual([[2, 0], [0, 23], [1]]);
  expect(batches.flatMap(({ captions }) => captions)).toEqual(Array.from(order.samples, (sample) => captionOf(data.samples, sample)));
});

test('from any batch on they are the same', async () => {
  const all = await allBatches(dataset(SHARDS), ownOrder(48), 5);
  expect(all).toHaveLength(10);
  for (const first of [1, 7, 10]) expect(await allBatches(dataset(SHARDS), ownOrder(48), 5, first)).toEqual(all.slice(first));
});

test('in windows, memory for two of them is enough to read every shard once, whatever batch crosses them', async () => {
  const data = dataset(4);
  const order = windowedOrder(1, 0, shardSamples(data.features, data.samples), 2 * ROWS);
  const batches = await allBatches(data, order, 5);
  expect([...data.reads].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(batches).toEqual(await allBatches(dataset(SHARDS), order, 5));
  expect(batches).toEqual(await allBatches(dataset(0), order, 5));
});
