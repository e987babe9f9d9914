const NAME = '(?<owner>[a-z0-9-]+)';
const RUN = `runs/${NAME}/`;
const TRAINING = `trainings/${NAME}/`;
const SHARD = '\\d{5,}';
const SHA12 = '[0-9a-f]{12}';

/**
 * What every key of the store is. Whoever adds a key to `keys` adds its kind here: an object of no kind is unknown to those who clean up,
 * and stays for ever. Tried in this order.
 */
const KEY_KINDS = {
  run: `${RUN}run\\.json`,
  planPart: `${RUN}plan/${SHARD}-${SHA12}\\.arrow`,
  captions: `${RUN}captions/[^/]+-${SHA12}\\.arrow`,
  plan: `${RUN}plan\\.json`,
  shard: `${RUN}shards/${SHARD}-${SHA12}\\.arrow`,
  commit: `${RUN}commits/${SHARD}\\.json`,
  void: `${RUN}void/${SHARD}-\\d+\\.json`,
  manifest: `${RUN}manifests/\\d+\\.json`,
  report: `${RUN}reports/\\d+-${SHA12}\\.json`,
  control: `${RUN}control\\.json`,
  training: `${TRAINING}training\\.json`,
  lease: `${TRAINING}lease\\.json`,
  checkpoint: `${TRAINING}checkpoints/\\d+-\\d+/COMMIT\\.json`,
  checkpointPart: `${TRAINING}checkpoints/\\d+-\\d+/[^/]+`,
  metrics: `${TRAINING}metrics/\\d+-\\d+\\.jsonl`,
  done: `${TRAINING}done\\.json`,
  alias: `${TRAINING}aliases/[^/]+\\.json`,
  weights: 'weights/[0-9a-f]{64}',
  imagenet: 'weights/imagenet\\.json',
  pixelKey: 'pixel-key',
  probe: 'probe/[a-z-]+',
} as const;

export type KeyKind = keyof typeof KEY_KINDS;

export interface KnownKey {
  readonly kind: KeyKind;
  /** Name of the run or training that it belongs to. */
  readonly owner: string | undefined;
}

const PATTERNS = Object.entries(KEY_KINDS).map(([kind, pattern]) => ({ kind: kind as KeyKind, pattern: new RegExp(`^${pattern}$`) }));

/** What the object of a key is, or `undefined` for one that is none of Showtell's. */
export function kindOfKey(key: string): KnownKey | undefined {
  for (const { kind, pattern } of PATTERNS) {
    const found = pattern.exec(key);
    if (found) return { kind, owner: found.groups?.['owner'] };
  }
  return undefined;
}
