import { encodeFeatureRows } from '@showtell/shared/arrow/feature-rows';
import { sha256 } from '@showtell/shared/hash';
import { keys } from '@showtell/shared/keys';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import type { PlannedRun } from '@showtell/shared/planned-run';
import { PREPROCESSING } from '@showtell/shared/schema/encoder-identity';
import type { ManifestShard } from '@showtell/shared/schema/manifest';
import type { PlanBase, PlanRow } from '@showtell/shared/schema/plan';
import { encodeRecord } from '@showtell/shared/schema/record';
import type { RunRecord } from '@showtell/shared/schema/run';
import type { CommitRecord, FeatureRow } from '@showtell/shared/schema/shard';
import { NO_FINDINGS } from '../../shared/test/no-findings';
import { buildPlan } from '../src/admin/build-plan';
import { buildManifest } from '../src/manifest';

export const DIMENSION = 4;
const WEIGHTS = Buffer.from('weights of an encoder');

export const planRow = (image: number): PlanRow => ({
  imageId: String(image),
  fileName: `${image}.jpg`,
  sourceKey: `train/${image}.jpg`,
  etag: `"${image}"`,
  bytes: 7,
  licence: '',
  url: '',
});
const featureRow = ({ imageId, fileName }: PlanRow): FeatureRow => ({
  imageId,
  fileName,
  feature: Float32Array.from({ length: DIMENSION }, (_, index) => Number(imageId) + index / 7),
});

export interface CommittedRun {
  readonly run: PlannedRun;
  readonly commits: readonly CommitRecord[];
  /** As a run that takes it over names them. */
  readonly shards: readonly ManifestShard[];
}

/** Writes a complete run of three shards of three images, as the workers and the finalizer leave it; the last image is rejected. */
export async function writeCommittedRun(store: ObjectStore, name: string, base?: PlanBase): Promise<CommittedRun> {
  const request: RunRecord = {
    formatVersion: 1,
    run: name,
    source: { kind: 'coco', url: 'file:///photos' },
    splits: [],
    encoder: 'inception-v3',
    weights: 'bundled',
    weightsSha256: sha256(WEIGHTS),
    dimension: DIMENSION,
    preprocessing: PREPROCESSING,
    precision: 'float32',
    shardRows: 3,
    microBatch: 2,
    strict: false,
  };
  const samples = Array.from({ length: 9 }, (_, image) => planRow(image + 1));
  const dataset = {
    splits: [{ split: 'train', samples, captions: samples.map(({ imageId }) => ({ imageId, caption: 'a dog' })) }],
    findings: NO_FINDINGS,
  };
  const takenOver = base && { base, left: new Map([['train', samples]]) };
  const { record: plan, parts } = buildPlan(request, dataset, { takenOver: takenOver as never });
  await store.put(keys.weights(sha256(WEIGHTS)), WEIGHTS);
  await store.put(keys.runJson(name), encodeRecord(request));
  for (const { key, body } of parts) await store.put(key, body);
  await store.put(keys.plan(name), encodeRecord(plan));
  const run = { name, request, plan, planSha256: sha256(encodeRecord(plan)) };
  const commits: CommitRecord[] = [];
  for (const { shard, split } of plan.shards) {
    const own = samples.slice(3 * shard, 3 * shard + 3);
    const kept = own.filter(({ imageId }) => imageId !== '9');
    const body = encodeFeatureRows(kept.map(featureRow), DIMENSION);
    const key = keys.shard(name, shard, sha256(body));
    const commit: CommitRecord = {
      formatVersion: 1,
      run: name,
      shard,
      split,
      key,
      bytes: body.length,
      sha256: sha256(body),
      rows: kept.length,
      rejected: own.filter((row) => !kept.includes(row)).map(({ imageId }) => ({ imageId, code: 'TRUNCATED', reason: 'It ends early' })),
      encoder: plan.encoder,
      planSha256: run.planSha256,
      execution: {
        worker: 'w',
        engine: 'onnx',
        provider: 'CPU',
        device: 'cpu',
        deviceName: 'a CPU',
        threads: 1,
        versions: {},
        seconds: 1,
        encodeSeconds: 1,
        at: '2030-01-01T00:00:00.000Z',
      },
    };
    await store.put(key, body);
    await store.put(keys.commit(name, shard), encodeRecord(commit));
    commits.push(commit);
  }
  const { manifest } = buildManifest(run, new Map(commits.map((commit) => [commit.shard, commit])), 1);
  await store.put(keys.manifest(name, 1), encodeRecord(manifest));
  return { run, commits, shards: manifest.shards.map((shard) => ({ ...shard, run: shard.run ?? name })) };
}
