import { compareCodePoints } from '@showtell/shared/object-store/key';
import type { PlanRow } from '@showtell/shared/schema/plan';
import type { DatasetSplit } from '../source/dataset';

/** The samples of one shard-to-be, in image id order, all of one split. */
export interface ShardPlan {
  readonly shard: number;
  readonly split: string;
  readonly rows: readonly PlanRow[];
}

/**
 * Cuts a dataset into shards of at most `shardRows` samples, numbered 0… through the splits in order of their names.
 * Pure: the same dataset and size give the same shards.
 */
export function planShards(
  dataset: { readonly splits: readonly Pick<DatasetSplit, 'split' | 'samples'>[] },
  shardRows: number,
): ShardPlan[] {
  return dataset.splits
    .toSorted((a, b) => compareCodePoints(a.split, b.split))
    .flatMap(({ split, samples }) => chunks(samples, shardRows).map((rows) => ({ split, rows })))
    .map((plan, shard) => ({ shard, ...plan }));
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) => items.slice(index * size, (index + 1) * size));
}
