import type { KeyKind } from '@showtell/shared/key-kinds';
import { keys } from '@showtell/shared/keys';
import { AliasRecord, CHECKPOINT_FORMAT, CheckpointRecord, TRAINING_FORMAT, TrainingRecord } from '@showtell/shared/schema/checkpoint';
import { IMAGENET_FORMAT, ImagenetRecord } from '@showtell/shared/schema/imagenet';
import { MANIFEST_FORMAT, ManifestRecord } from '@showtell/shared/schema/manifest';
import { PLAN_FORMAT, PlanRecord } from '@showtell/shared/schema/plan';
import { parseRecord } from '@showtell/shared/schema/record';
import { RUN_FORMAT, RunRecord } from '@showtell/shared/schema/run';
import { CommitRecord, SHARD_FORMAT } from '@showtell/shared/schema/shard';
import type { z } from 'zod';

/** A kind of record that keeps other objects alive. */
interface NamingKind {
  /** The keys that a record names. Throws `CORRUPT_OBJECT` or `FORMAT_VERSION`. */
  readonly names: (body: Uint8Array, key: string) => string[];
  /** Where the keys begin that such a record of this owner may name: what is there must stay while it cannot be read. */
  readonly within: (owner: string) => readonly string[];
}

function naming<T extends z.ZodType>(
  schema: T,
  formatVersion: number,
  within: (owner: string) => readonly string[],
  names: (record: z.infer<T>, key: string) => string[],
): NamingKind {
  return { names: (body, key) => names(parseRecord(schema, formatVersion, body, key), key), within };
}

const keysOf = (parts: readonly { readonly key: string }[]) => parts.map(({ key }) => key);
const committed = (checkpoint: string) => `${checkpoint}COMMIT.json`;
const WEIGHTS = 'weights/';
const ofRun = (run: string) => [`${keys.runs()}${run}/`];
const ofTraining = (training: string) => [`${keys.trainings()}${training}/`];
// A run with a base names shards of other runs.
const ofAnyRun = () => [keys.runs(), WEIGHTS];

/** Every kind of record that names keys. Records themselves need nobody who names them: they stay until somebody removes what they make. */
export const NAMING: Partial<Record<KeyKind, NamingKind>> = {
  run: naming(
    RunRecord,
    RUN_FORMAT,
    (run) => [...ofRun(run), WEIGHTS],
    ({ weightsSha256 }) => [keys.weights(weightsSha256)],
  ),
  plan: naming(PlanRecord, PLAN_FORMAT, ofAnyRun, ({ shards, captions, encoder, base }) => [
    ...keysOf([...shards, ...captions, ...(base?.shards ?? [])]),
    ...(base === undefined ? [] : [keys.manifest(base.run, base.manifest)]),
    keys.weights(encoder.weightsSha256),
  ]),
  commit: naming(CommitRecord, SHARD_FORMAT, ofRun, ({ key }) => [key]),
  manifest: naming(ManifestRecord, MANIFEST_FORMAT, ofAnyRun, ({ shards, captions, encoder, report }) => [
    ...keysOf([...shards, ...captions, ...(report === undefined ? [] : [report])]),
    keys.weights(encoder.weightsSha256),
  ]),
  training: naming(
    TrainingRecord,
    TRAINING_FORMAT,
    (training) => [...ofTraining(training), WEIGHTS],
    ({ manifests, encoder, from }) => [
      ...keysOf(manifests),
      keys.weights(encoder.weightsSha256),
      ...(from === null ? [] : [committed(from.checkpoint)]),
    ],
  ),
  checkpoint: naming(CheckpointRecord, CHECKPOINT_FORMAT, ofTraining, ({ files }, key) => {
    const folder = key.slice(0, key.lastIndexOf('/') + 1);
    return Object.keys(files).map((name) => folder + name);
  }),
  alias: naming(AliasRecord, TRAINING_FORMAT, ofTraining, ({ checkpoint, previous }) =>
    [checkpoint, ...(previous === null ? [] : [previous])].map(committed),
  ),
  imagenet: naming(
    ImagenetRecord,
    IMAGENET_FORMAT,
    () => [WEIGHTS],
    ({ sha256 }) => [keys.weights(sha256)],
  ),
};

/** Objects that exist only by a record that names them. */
const PARTS: ReadonlySet<KeyKind> = new Set(['planPart', 'captions', 'shard', 'report', 'checkpointPart', 'weights']);
export const isPart = (kind: KeyKind) => PARTS.has(kind);
