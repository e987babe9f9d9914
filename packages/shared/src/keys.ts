import { shardDigits } from './names';

/**
 * Every key in the object store, made from checked names and numbers only.
 * `sha` arguments are full sha256s; keys carry their first 12 digits.
 */
const sha12 = (sha: string) => sha.slice(0, 12);

export const keys = {
  runs: () => 'runs/',
  runJson: (run: string) => `runs/${run}/run.json`,
  planPart: (run: string, shard: number, sha: string) => `runs/${run}/plan/${shardDigits(shard)}-${sha12(sha)}.arrow`,
  captions: (run: string, split: string, sha: string) => `runs/${run}/captions/${split}-${sha12(sha)}.arrow`,
  plan: (run: string) => `runs/${run}/plan.json`,
  shard: (run: string, shard: number, sha: string) => `runs/${run}/shards/${shardDigits(shard)}-${sha12(sha)}.arrow`,
  shards: (run: string) => `runs/${run}/shards/`,
  commit: (run: string, shard: number) => `runs/${run}/commits/${shardDigits(shard)}.json`,
  commits: (run: string) => `runs/${run}/commits/`,
  manifest: (run: string, number: number) => `runs/${run}/manifests/${number}.json`,
  manifests: (run: string) => `runs/${run}/manifests/`,
  /** How the run went, of the manifest of that number. */
  report: (run: string, number: number, sha: string) => `runs/${run}/reports/${number}-${sha12(sha)}.json`,
  reports: (run: string) => `runs/${run}/reports/`,
  /** The k-th commit record that was taken away from a shard. */
  void: (run: string, shard: number, number: number) => `runs/${run}/void/${shardDigits(shard)}-${number}.json`,
  voids: (run: string) => `runs/${run}/void/`,
  control: (run: string) => `runs/${run}/control.json`,
  trainings: () => 'trainings/',
  trainingJson: (training: string) => `trainings/${training}/training.json`,
  lease: (training: string) => `trainings/${training}/lease.json`,
  checkpoints: (training: string) => `trainings/${training}/checkpoints/`,
  /** A checkpoint's folder. Steps are padded so that listing gives them in order. */
  checkpoint: (training: string, step: number, leaseEpoch: number) =>
    `trainings/${training}/checkpoints/${String(step).padStart(8, '0')}-${leaseEpoch}/`,
  metrics: (training: string) => `trainings/${training}/metrics/`,
  /** Figures that one trainer told between two checkpoints. */
  metricsPart: (training: string, leaseEpoch: number, part: number) =>
    `trainings/${training}/metrics/${String(leaseEpoch).padStart(5, '0')}-${String(part).padStart(5, '0')}.jsonl`,
  done: (training: string) => `trainings/${training}/done.json`,
  aliases: (training: string) => `trainings/${training}/aliases/`,
  alias: (training: string, alias: string) => `trainings/${training}/aliases/${alias}.json`,
  weights: (sha: string) => `weights/${sha}`,
  /** Which of the weights are Keras' published ones. */
  imagenet: () => 'weights/imagenet.json',
  /** By which encoders know the pixels of ingest. */
  pixelKey: () => 'pixel-key',
  probe: () => 'probe/conditional-writes',
  /** Never written: how the store tells of what is not there. */
  absent: () => 'probe/absent',
  /** Written again and again: what time it is for the store. */
  clock: () => 'probe/clock',
} as const;

/** The shard number in a key of `commits/` or `shards/`. */
export function shardOfKey(key: string): number {
  return Number(/\/(\d+)(?:-[0-9a-f]+)?\.(?:json|arrow)$/.exec(key)?.[1] ?? Number.NaN);
}
