import { encodeFeatureRows } from '@showtell/shared/arrow/feature-rows';
import { sha256 } from '@showtell/shared/hash';
import { keys } from '@showtell/shared/keys';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { TRAINING_FORMAT, type TrainingRecord } from '@showtell/shared/schema/checkpoint';
import type { ManifestRecord } from '@showtell/shared/schema/manifest';
import { PLAN_FORMAT, type PlanRecord } from '@showtell/shared/schema/plan';
import { encodeRecord, type PartRecord } from '@showtell/shared/schema/record';
import { RUN_FORMAT, type RunRecord } from '@showtell/shared/schema/run';
import { type CommitRecord, SHARD_FORMAT } from '@showtell/shared/schema/shard';
import { publishCheckpoint } from '@showtell/trainer/checkpoint/publish';
import { NO_FINDINGS } from '../../packages/shared/test/no-findings';
import { saveTiny, trainingRecord } from '../../packages/trainer/test/checkpoint/tiny-checkpoint';
import { DIMENSION, ENCODER, ENCODER_WEIGHTS, writeTinyRun } from '../../packages/trainer/test/tiny-run';

/** Bytes that stand for float32 weights which an int8 encoder was made of: named by run.json alone. */
export const SOURCE_WEIGHTS = Buffer.from('weights that an encoder was calibrated from');

export function runRecord(run: string, more: Partial<RunRecord> = {}): RunRecord {
  return {
    formatVersion: RUN_FORMAT,
    run,
    source: { kind: 'synthetic', url: 'synthetic:45' },
    splits: [],
    encoder: ENCODER.encoder,
    weights: 'bundled',
    weightsSha256: sha256(SOURCE_WEIGHTS),
    dimension: DIMENSION,
    preprocessing: ENCODER.preprocessing,
    precision: 'float32',
    shardRows: 20,
    microBatch: 4,
    strict: false,
    ...more,
  };
}

async function part(store: ObjectStore, keyOf: (sha: string) => string, body: Buffer): Promise<PartRecord> {
  const key = keyOf(sha256(body));
  await store.put(key, body);
  return { key, bytes: body.length, sha256: sha256(body) };
}

/** The records of a complete run around a manifest that is there: run.json, plan.json with its parts, commit records. */
export async function writeRecords(store: ObjectStore, manifest: ManifestRecord, base?: PlanRecord['base']): Promise<void> {
  const { run } = manifest;
  const own = manifest.shards.filter(({ key }) => key.startsWith(keys.shards(run)));
  const request = runRecord(run, base && { base: base.run });
  await store.put(keys.weights(sha256(SOURCE_WEIGHTS)), SOURCE_WEIGHTS);
  await store.putIfAbsent(keys.runJson(run), encodeRecord(request));
  const shards: PlanRecord['shards'] = [];
  for (const { shard, split, rows } of own)
    shards.push({
      ...(await part(store, (sha) => keys.planPart(run, shard, sha), Buffer.from(`plan of ${run} ${shard}`))),
      shard,
      split,
      rows,
    });
  const plan: PlanRecord = {
    formatVersion: PLAN_FORMAT,
    run,
    encoder: ENCODER,
    microBatch: 4,
    splits: [],
    shards,
    captions: manifest.captions,
    findings: NO_FINDINGS,
    ...(base && { base }),
    runSha256: sha256(encodeRecord(request)),
  };
  await store.putIfAbsent(keys.plan(run), encodeRecord(plan));
  for (const { shard, split, rows, key, bytes, sha256: sha } of own)
    await store.putIfAbsent(keys.commit(run, shard), encodeRecord(commitRecord(run, shard, split, rows, { key, bytes, sha256: sha })));
}

export function commitRecord(run: string, shard: number, split: string, rows: number, body: PartRecord): CommitRecord {
  return {
    formatVersion: SHARD_FORMAT,
    run,
    shard,
    split,
    rows,
    rejected: [],
    encoder: ENCODER,
    planSha256: sha256('plan'),
    ...body,
    execution: {
      worker: 'test',
      engine: 'onnx',
      provider: 'cpu',
      device: 'cpu',
      deviceName: 'cpu',
      threads: 1,
      versions: {},
      seconds: 1,
      encodeSeconds: 1,
      at: '2026-01-01T00:00:00.000Z',
    },
  };
}

export async function writeTraining(store: ObjectStore, training: string, run: string, from: TrainingRecord['from'] = null): Promise<void> {
  const manifest = (await store.get(keys.manifest(run, 1)))!;
  const record: TrainingRecord = {
    ...trainingRecord(training),
    manifests: [{ run, key: keys.manifest(run, 1), sha256: sha256(manifest.body) }],
    from,
  };
  await store.put(keys.trainingJson(training), encodeRecord(record));
}

/**
 * A store with all that Showtell writes: run `old`, of which a shard was encoded again; run `new`, based on its first manifest; training
 * `pets` on `new`, with metrics, a lease that was renewed, a checkpoint that no alias names any more and aliases on the newest;
 * `more-pets`, warm-started from it.
 */
export async function writeFullStore(store: ObjectStore): Promise<void> {
  const old = await writeTinyRun(store, 'old');
  await writeRecords(store, old);
  const first = old.shards[0]!;
  // The repair: another body and record, the old body in the first manifest alone.
  const rows = Array.from({ length: first.rows }, (_, image) => ({
    imageId: String(image),
    fileName: `${image}.jpg`,
    feature: new Float32Array(DIMENSION),
  }));
  const mended = await part(store, (sha) => keys.shard('old', 0, sha), encodeFeatureRows(rows, DIMENSION));
  const report = await part(store, (sha) => keys.report('old', 2, sha), Buffer.from('{}'));
  await store.delete(keys.commit('old', 0));
  await store.put(keys.commit('old', 0), encodeRecord(commitRecord('old', 0, 'train', first.rows, mended)));
  await store.put(
    keys.manifest('old', 2),
    encodeRecord({ ...old, number: 2, report, shards: old.shards.map((shard) => (shard.shard === 0 ? { ...shard, ...mended } : shard)) }),
  );
  await store.put('runs/old/void/00000-1.json', Buffer.from('{}'));
  const { etag } = await store.put(keys.control('old'), encodeRecord({ formatVersion: 1, state: 'running' }));
  await store.replace(keys.control('old'), encodeRecord({ formatVersion: 1, state: 'running', priority: 20 }), etag);

  const own = await writeTinyRun(store, 'new', 1, { shards: [['train', 200, 7]] });
  const base = { run: 'old', manifest: 1, sha256: sha256((await store.get(keys.manifest('old', 1)))!.body), shards: old.shards };
  const both = { ...own, shards: [...old.shards.map((shard) => ({ ...shard, run: 'old' })), ...own.shards] };
  await store.put(keys.manifest('new', 1), encodeRecord(both));
  await writeRecords(store, both, base);

  await writeTraining(store, 'pets', 'new');
  await store.put(keys.metricsPart('pets', 1, 0), Buffer.from(''));
  const lease = await store.put(
    keys.lease('pets'),
    encodeRecord({ formatVersion: TRAINING_FORMAT, epoch: 1, holder: 'a', beat: 0, released: false }),
  );
  await store.replace(
    keys.lease('pets'),
    encodeRecord({ formatVersion: TRAINING_FORMAT, epoch: 1, holder: 'a', beat: 1, released: true }),
    lease.etag,
  );
  await saveTiny(store, 'pets', 2);
  const best = { metric: { name: 'validationLoss', value: 1 }, split: 'new:train' };
  const newest = await saveTiny(store, 'pets', 4);
  await publishCheckpoint(store, newest, { leaseEpoch: 1, by: 'test', best });
  await writeTraining(store, 'more-pets', 'new', { model: 'pets@best', checkpoint: newest.folder, sha256: newest.sha256 });
  await publishCheckpoint(store, await saveTiny(store, 'more-pets', 1), { leaseEpoch: 1, by: 'test', best: null });
  await store.put(keys.weights(sha256(ENCODER_WEIGHTS)), ENCODER_WEIGHTS);
  const published = Buffer.from("Keras' weights");
  await store.put(keys.weights(sha256(published)), published);
  await store.put(keys.imagenet(), encodeRecord({ formatVersion: 1, sourceMd5: 'x', sha256: sha256(published) }));
  await store.put(keys.runJson('claimed'), encodeRecord(runRecord('claimed')));
  await store.probe();
}
