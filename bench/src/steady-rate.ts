/** A shard's work: from when its worker took the job to when it was committed, in seconds of any one clock. */
export interface WorkedShard {
  readonly from: number;
  readonly to: number;
}

export interface SteadyRate {
  /** Shards a second. */
  readonly rate: number;
  /** Shards in hand, on average. */
  readonly inHand: number;
}

/**
 * What was done while everybody was at work: from when the job number `settled` was taken (of one worker after another, or of
 * every worker's second or third) until the last one was, so that neither starting nor the last shards, during which some have
 * nothing left to do, count. A shard that lies partly in that time counts in part.
 */
export function steadyRate(shards: readonly WorkedShard[], settled: number): SteadyRate {
  const starts = shards.map(({ from }) => from).sort((a, b) => a - b);
  const from = starts[settled - 1] ?? Number.NaN;
  const to = starts.at(-1)!;
  if (!(to > from)) throw new RangeError(`Expected more than ${settled} shards, taken one after another, but received ${shards.length}`);
  const inside = shards.map((shard) => Math.max(0, Math.min(shard.to, to) - Math.max(shard.from, from)));
  const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);
  const parts = inside.map((seconds, index) => seconds / (shards[index]!.to - shards[index]!.from));
  return { rate: sum(parts) / (to - from), inHand: sum(inside) / (to - from) };
}
