import { Random } from '../model/random';
import type { FeatureTable } from './feature-table';
import { GrowingIntegers } from './growing-integers';
import type { CaptionSamples } from './samples';

/** In which order an epoch sees its samples. */
export interface EpochOrder {
  readonly samples: Uint32Array;
  /** Parts of the order with the shards that each one needs, where it is made of windows. */
  readonly windows: readonly { readonly shards: readonly number[]; readonly end: number }[];
}

/** Which samples need which shard. */
export interface ShardSamples {
  /** Images of each shard; shards without samples are left out of an epoch. */
  readonly images: readonly number[];
  /** Samples of each shard. */
  readonly samples: readonly Int32Array[];
}

export function shardSamples(features: FeatureTable, { rows }: CaptionSamples): ShardSamples {
  const shards = Array.from({ length: features.shards }, (_, shard) => shard);
  const samples = shards.map(() => new GrowingIntegers());
  for (let sample = 0; sample < rows.length; sample++) samples[features.shardOf(rows[sample]!)]!.push(sample);
  return { images: shards.map((shard) => features.rowsOf(shard)), samples: samples.map((found) => found.array()) };
}

/** All samples in their own order. */
export function ownOrder(samples: number): EpochOrder {
  return { samples: Uint32Array.from({ length: samples }, (_, index) => index), windows: [] };
}

/**
 * All samples, shuffled. It depends on nothing but its arguments, so a training that resumes needs to know only how many batches of which
 * epoch it has done.
 */
export function wholeOrder(seed: number, epoch: number, samples: number): EpochOrder {
  return { samples: generator(seed, epoch).shuffle(ownOrder(samples).samples), windows: [] };
}

/**
 * As `wholeOrder`, for features that memory cannot hold: shards are shuffled, and of each `images` images in that order the samples are.
 * So a training needs the shards of one window at a time, and reads each shard once in an epoch.
 */
export function windowedOrder(seed: number, epoch: number, shards: ShardSamples, images: number): EpochOrder {
  const random = generator(seed, epoch);
  const order = random.shuffle(shards.images.map((_, shard) => shard).filter((shard) => shards.samples[shard]!.length > 0));
  const samples = new Uint32Array(shards.samples.reduce((sum, { length }) => sum + length, 0));
  const windows: { shards: number[]; end: number }[] = [];
  for (let next = 0, end = 0; next < order.length; ) {
    const begin = end;
    const chosen: number[] = [];
    for (let rows = 0; rows < images && next < order.length; next++) {
      const shard = order[next]!;
      chosen.push(shard);
      rows += shards.images[shard]!;
      samples.set(shards.samples[shard]!, end);
      end += shards.samples[shard]!.length;
    }
    random.shuffle(samples.subarray(begin, end));
    windows.push({ shards: chosen, end });
  }
  return { samples, windows };
}

const generator = (seed: number, epoch: number) => Random.of(`order ${seed} ${epoch}`);
