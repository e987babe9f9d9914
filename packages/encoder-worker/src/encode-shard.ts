import { Ahead } from '@showtell/shared/ahead';
import { encodeFeatureRows } from '@showtell/shared/arrow/feature-rows';
import { decodePlanRows } from '@showtell/shared/arrow/plan-rows';
import { commit, readPart } from '@showtell/shared/commit';
import { ShowtellError } from '@showtell/shared/errors';
import { canonicalJson, sha256 } from '@showtell/shared/hash';
import { pixelBytes } from '@showtell/shared/image/limits';
import { keys } from '@showtell/shared/keys';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import type { PixelKey } from '@showtell/shared/pixel-key';
import { isCommitted, type PlannedRun, type PlannedRuns, planShard, readControl } from '@showtell/shared/planned-run';
import { clearShard } from '@showtell/shared/queue/clear-shard';
import { joinPixelBlocks, type PixelBlock, toPixelBlock } from '@showtell/shared/queue/pixel-block';
import type { PixelWindow } from '@showtell/shared/queue/pixel-window';
import type { Pixels } from '@showtell/shared/queue/pixels';
import type { JobContext } from '@showtell/shared/queue/processor';
import type { ShardJob } from '@showtell/shared/queue/queues';
import { reached } from '@showtell/shared/reached';
import { type Precision, sideOf } from '@showtell/shared/schema/encoder-identity';
import type { PlanRow, PlanShard } from '@showtell/shared/schema/plan';
import { encodeRecord, parseRecord } from '@showtell/shared/schema/record';
import { type Animated, CommitRecord, type Rejection, SHARD_FORMAT } from '@showtell/shared/schema/shard';
import { openSource } from '@showtell/shared/source/open';
import { type PreparedRow, prepareRows } from '@showtell/shared/source/prepare-rows';
import type { SourceReader } from '@showtell/shared/source/source-reader';
import type { Logger } from 'pino';
import type { z } from 'zod';
import { encodeBlock } from './encode-block';
import type { EncoderEngine, EngineDescription } from './encoder/engines/engine';
import type { EngineKeeper } from './engine-keeper';
import { prepareIsolated } from './prepare-isolated';

export interface EncodeServices {
  readonly store: ObjectStore;
  readonly runs: PlannedRuns;
  readonly pixels: Pixels;
  readonly pixelKey: PixelKey;
  readonly window: PixelWindow;
  readonly engines: EngineKeeper;
  readonly precision: Precision;
  readonly logger: Logger;
  /** Name of this worker, for the commit record. */
  readonly worker: string;
  /** Photos that are downloaded or decoded at once, when pixels are gone. */
  readonly downloads: number;
  readonly onEncoded: (images: number) => void;
}

/** After so many deaths of a worker on it, a shard's photos are prepared in processes of their own. */
const CRASHES = 2;

/** Encodes one shard and commits it. Whoever is second finds the record there and is content with it. */
export async function encodeShard(
  { run: name, shard }: ShardJob,
  { job, signal }: JobContext<ShardJob>,
  services: EncodeServices,
): Promise<void> {
  const { store, runs, logger } = services;
  const isolated = job.stalledCounter >= CRASHES;
  const startedAt = performance.now();
  const run = await runs.get(name, { signal });
  const part = planShard(run, shard);
  if (await isCommitted(store, name, shard, { signal })) return clearShard(run, shard, services);
  if ((await readControl(store, name, { signal })) !== 'running') return clearShard(run, shard, services);
  checkPrecision(run, services.precision);

  const rows = decodePlanRows(await readPart(store, part, { signal }), part.key);
  const encoded = await encodeRows(run, part, rows, isolated, signal, services);
  const body = encodeFeatureRows(
    rows.flatMap(({ imageId, fileName }) => {
      const feature = encoded.features.get(imageId);
      return feature === undefined ? [] : [{ imageId, fileName, feature }];
    }),
    run.plan.encoder.dimension,
  );

  // A paused run's shard is committed: what was dear is done, and nobody wants it twice. A cancelled run writes nothing more.
  if ((await readControl(store, name, { signal })) === 'cancelled') return clearShard(run, shard, services);
  const bodySha256 = sha256(body);
  const key = keys.shard(name, shard, bodySha256);
  const { engine, provider, device, deviceName, threads, versions } = encoded.engine;
  const record: CommitRecord = {
    formatVersion: SHARD_FORMAT,
    run: name,
    shard,
    split: part.split,
    key,
    bytes: body.length,
    sha256: bodySha256,
    rows: encoded.features.size,
    rejected: encoded.rejected,
    ...(encoded.animated.length > 0 && { animated: encoded.animated }),
    encoder: run.plan.encoder,
    planSha256: run.planSha256,
    execution: {
      worker: services.worker,
      engine,
      provider,
      device,
      deviceName,
      threads,
      versions: { ...versions },
      seconds: seconds(startedAt),
      encodeSeconds: encoded.seconds,
      sourceBytes: rows.reduce((sum, { bytes, zip }) => sum + (zip?.compressedBytes ?? bytes), 0),
      at: new Date().toISOString(),
    },
  };
  const recordKey = keys.commit(name, shard);
  const result = await commit(store, { parts: [{ key, body }], recordKey, record: encodeRecord(record), signal });
  if (result.outcome === 'exists') checkOther(run, result.body, recordKey, logger);
  else
    logger.info(
      { run: name, shard, rows: record.rows, rejected: record.rejected.length, seconds: record.execution.seconds },
      'shard committed',
    );
  await clearShard(run, shard, services);
  reached('encode:before-ack', `${name}/${shard}`);
}

const seconds = (since: number) => Math.round(performance.now() - since) / 1_000;

interface EncodedRows {
  readonly features: Map<string, Float32Array>;
  readonly rejected: Rejection[];
  readonly animated: Animated[];
  readonly engine: EngineDescription;
  /** In the encoder alone. */
  readonly seconds: number;
}

/**
 * Micro-batch by micro-batch, or several at once where the engine takes as many; the pixels of the next are fetched, or prepared,
 * while these are encoded, and the first while another job has the engine.
 */
async function encodeRows(
  run: PlannedRun,
  part: z.infer<typeof PlanShard>,
  rows: readonly PlanRow[],
  isolated: boolean,
  signal: AbortSignal,
  services: EncodeServices,
): Promise<EncodedRows> {
  const features = new Map<string, Float32Array>();
  const rejections = new Map<string, Rejection>();
  const animated: Animated[] = [];
  const side = sideOf(run.plan.encoder.preprocessing);
  const context = { ...services, weightsSha256: run.plan.encoder.weightsSha256, side, signal };
  const source = openSource(run.request.source);
  const fetch = (batch: number) => fetchBlock(run, part, rows, batch, { ...services, source, side, isolated, signal });
  const batches = Math.ceil(rows.length / run.plan.microBatch);
  const blocks = new Ahead(batches, fetch);
  blocks.begin(1);
  let time = 0;
  try {
    const description = await services.engines.inTurn(signal, async () => {
      // Asked for now: when the last picture kills the engine, there is none to ask afterwards.
      const engine = await services.engines.get(context.weightsSha256, signal);
      checkEngine(run, side, engine);
      for (;;) {
        // Before the clock starts: starting the engine is not encoding.
        const { batch = 0 } = await services.engines.get(context.weightsSha256, signal);
        const taken = await blocks.take(Math.max(1, Math.floor(batch / run.plan.microBatch)));
        if (taken.length === 0) return engine.description;
        reached('encode:fetched', `${run.name}/${part.shard}`);
        const startedAt = performance.now();
        const block = joinPixelBlocks(taken);
        const encoded = await encodeBlock(block, context);
        time += performance.now() - startedAt;
        reached('encode:encoded', `${run.name}/${part.shard}`);
        encoded.imageIds.forEach((imageId, index) => features.set(imageId, encoded.features[index]!));
        for (const rejection of encoded.rejected) rejections.set(rejection.imageId, rejection);
        animated.push(...block.animated.filter(({ imageId }) => features.has(imageId)));
        services.onEncoded(encoded.imageIds.length);
      }
    });
    const rejected = inOrder(rows, rejections, features, part.key);
    return { features, rejected, animated, engine: description, seconds: Math.round(time) / 1_000 };
  } finally {
    await blocks.settled();
    await source.close();
  }
}

/** Every planned row has a feature or a rejection. */
function inOrder(
  rows: readonly PlanRow[],
  rejections: ReadonlyMap<string, Rejection>,
  features: ReadonlyMap<string, Float32Array>,
  key: string,
): Rejection[] {
  const rejected = rows.flatMap(({ imageId }) => rejections.get(imageId) ?? []);
  if (features.size + rejected.length !== rows.length)
    throw new ShowtellError(
      'BUG',
      `Expected ${rows.length} features and rejections for ${key} but received ${features.size} and ${rejected.length}`,
    );
  return rejected;
}

interface FetchContext extends Pick<EncodeServices, 'pixels' | 'pixelKey' | 'downloads' | 'logger'> {
  readonly source: SourceReader;
  /** Of the pixels. */
  readonly side: number;
  readonly isolated: boolean;
  readonly signal: AbortSignal;
}

/** One micro-batch: from Redis, or prepared here when it is gone, or another's of the same name. */
async function fetchBlock(
  run: PlannedRun,
  part: z.infer<typeof PlanShard>,
  rows: readonly PlanRow[],
  batch: number,
  { pixels, pixelKey, downloads, logger, source, side, isolated, signal }: FetchContext,
): Promise<PixelBlock> {
  const own = rows.slice(batch * run.plan.microBatch, (batch + 1) * run.plan.microBatch);
  const kept = await pixels.get(() => pixelKey.read({ signal }), { run: run.name, shard: part.shard, planSha256: part.sha256 }, batch);
  if (kept !== undefined && kept !== 'refused' && isOf(kept, own, side)) return kept;
  if (kept !== undefined)
    logger.warn(
      { run: run.name, shard: part.shard, batch },
      'what Redis has is not what ingest has prepared; the photos are prepared here',
    );
  if (isolated) return toPixelBlock(await prepareIsolated(run.request.source, own, { downloads, side, signal }));
  const prepared: PreparedRow[] = [];
  for await (const row of prepareRows(source, own, { concurrency: downloads, side, signal })) prepared.push(row);
  return toPixelBlock(prepared);
}

/** Whether a block tells of these rows and no others, in their order. */
function isOf(block: PixelBlock, rows: readonly PlanRow[], side: number): boolean {
  const rejected = new Set(block.rejected.map(({ imageId }) => imageId));
  const kept = rows.map(({ imageId }) => imageId).filter((id) => !rejected.has(id));
  if (kept.length + rejected.size !== rows.length || block.pixels.length !== kept.length * pixelBytes(side)) return false;
  return block.imageIds.length === kept.length && kept.every((id, index) => id === block.imageIds[index]);
}

/** A queue of one precision can hold a run of another only by mistake. */
function checkPrecision({ name, plan }: PlannedRun, precision: Precision): void {
  if (plan.encoder.precision !== precision)
    throw new ShowtellError(
      'MIXED_ENCODER',
      `The run ${name} was planned for precision ${plan.encoder.precision} but this worker encodes with ${precision}`,
    );
}

/** The weights' sha256 was checked when they were fetched; this refuses a plan that says something else of them. */
function checkEngine({ name, plan }: PlannedRun, side: number, engine: EncoderEngine): void {
  const { dimension } = plan.encoder;
  if (engine.side !== side || engine.dimension !== dimension)
    throw new ShowtellError(
      'MIXED_ENCODER',
      `The run ${name} was planned for pixels of side ${side} and features of ${dimension} but its encoder takes ${engine.side} and gives ${engine.dimension}`,
    );
}

/** The record of whoever was first: my own lost answer or another's work is success, another encoder or plan is not. */
function checkOther(run: PlannedRun, body: Buffer, recordKey: string, logger: Logger): void {
  const other = parseRecord(CommitRecord, SHARD_FORMAT, body, recordKey);
  const [theirs, ours] = [identity(other.encoder, other.planSha256), identity(run.plan.encoder, run.planSha256)];
  if (theirs !== ours)
    throw new ShowtellError(
      'MIXED_ENCODER',
      `${recordKey} was expected to be of ${ours} but was committed by ${other.execution.worker} as ${theirs}`,
    );
  logger.info({ run: run.name, shard: other.shard, by: other.execution.worker }, 'the shard was committed already');
}

const identity = (encoder: CommitRecord['encoder'], planSha256: string) => canonicalJson({ encoder, planSha256 });
