import { encodeFeatureRows } from '@showtell/shared/arrow/feature-rows';
import type { PlanRecord, PlanRow } from '@showtell/shared/schema/plan';
import { encodeRecord } from '@showtell/shared/schema/record';
import type { SourceAddress } from '@showtell/shared/schema/run';

/** Photos that are not encoded yet, and the shards that they are planned in. */
export interface Work {
  readonly shards: number;
  readonly photos: number;
  /** To be read from the source; pictures that are drawn have none. */
  readonly sourceBytes: number;
  /** Of image ids and file names, as UTF-8. */
  readonly nameBytes: number;
}

/** What one worker on a device did in earlier runs. */
export interface MeasuredRate {
  readonly device: string;
  readonly deviceName: string;
  readonly engine: string;
  readonly imagesPerSecond: number;
  /** What it was measured on. */
  readonly images: number;
  readonly runs: number;
}

/** What a run will take, as far as that can be known before. */
export interface Estimate extends Pick<Work, 'shards' | 'photos' | 'sourceBytes'> {
  /** Seconds for what is left, for each device that was measured. */
  readonly times: readonly (MeasuredRate & { readonly seconds: readonly { readonly workers: number; readonly seconds: number }[] })[];
  /** Bytes of the whole run in the store. */
  readonly storage: {
    readonly plan: number;
    readonly captions: number;
    readonly shards: number;
    readonly records: number;
    readonly total: number;
  };
  /** For what is left, without those that are tried again. */
  readonly requests: {
    readonly source: { readonly gets: number };
    readonly store: { readonly puts: number; readonly gets: number; readonly heads: number };
  };
}

export const WORKERS = [1, 4, 16] as const;

/** A text column of an Arrow file has an offset for each row. */
const TEXT_OFFSETS = 2 * 4;
/** A commit record with its line in the manifest, and what a run has once: run.json, manifest, report. */
const RECORD_BYTES = { shard: 1_000, run: 2_000 };
/**
 * Requests of a shard on its way through ingest, encoder and finalizer, and of a run once. Put: body and commit record; manifest and
 * report. Got: the plan's part by ingest and by an encoder, the commit record by the finalizer, and four times what the operator
 * wants, before work and after. Asked: twice each whether the plan is still the one and whether the shard is committed.
 */
const REQUESTS = { shard: { puts: 2, gets: 7, heads: 4 }, run: { puts: 2, gets: 14, heads: 4 } };

export function workOf(rows: Iterable<PlanRow>, shards: number): Work {
  let [photos, sourceBytes, nameBytes] = [0, 0, 0];
  for (const { imageId, fileName, bytes, zip } of rows) {
    photos++;
    sourceBytes += zip?.compressedBytes ?? bytes;
    nameBytes += Buffer.byteLength(imageId) + Buffer.byteLength(fileName);
  }
  return { shards, photos, sourceBytes, nameBytes };
}

export interface EstimateOptions {
  readonly source: Pick<SourceAddress, 'kind'>;
  /** Whether the plan is in the store already. */
  readonly isPlanned: boolean;
  readonly rates: readonly MeasuredRate[];
}

/** Pure: the plan says what there will be, the work what of it is left. */
export function estimate(plan: PlanRecord, work: Work, { source, isPlanned, rates }: EstimateOptions): Estimate {
  const { shards, photos, sourceBytes } = work;
  const { puts, gets, heads } = REQUESTS.shard;
  // Parts, captions, the plan itself and the record that claims the name.
  const planPuts = isPlanned ? 0 : shards + plan.captions.length + 2;
  return {
    shards,
    photos,
    sourceBytes,
    times: rates.map((rate) => ({ ...rate, seconds: WORKERS.map((workers) => ({ workers, seconds: secondsOf(work, workers, rate) })) })),
    storage: storageOf(plan, work),
    requests: {
      source: { gets: source.kind === 'synthetic' ? 0 : photos },
      store: {
        puts: puts * shards + planPuts + REQUESTS.run.puts,
        gets: gets * shards + REQUESTS.run.gets,
        heads: heads * shards + REQUESTS.run.heads,
      },
    },
  };
}

/** Workers take whole shards: where those are not many more than workers, some wait for the last ones. */
function secondsOf({ shards, photos }: Work, workers: number, { imagesPerSecond }: MeasuredRate): number {
  return shards === 0 ? 0 : (Math.ceil(shards / workers) * (photos / shards)) / imagesPerSecond;
}

function storageOf(plan: PlanRecord, { photos, nameBytes }: Work): Estimate['storage'] {
  const rows = sum(plan.shards.map((shard) => shard.rows));
  const { dimension } = plan.encoder;
  // Names of what is encoded already are as long as those of what is not.
  const names = photos === 0 ? 0 : (nameBytes / photos) * rows;
  const parts = {
    plan: sum(plan.shards.map(({ bytes }) => bytes)) + encodeRecord(plan).length,
    captions: sum(plan.captions.map(({ bytes }) => bytes)),
    shards: Math.round(rows * (dimension * 4 + TEXT_OFFSETS) + names + plan.shards.length * encodeFeatureRows([], dimension).length),
    records: plan.shards.length * RECORD_BYTES.shard + RECORD_BYTES.run,
  };
  return { ...parts, total: sum(Object.values(parts)) };
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);
