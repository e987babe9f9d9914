import type { SampleRows } from '@showtell/shared/arrow/sample-batches';
import { ShowtellError } from '@showtell/shared/errors';
import { keys } from '@showtell/shared/keys';
import { type FoundManifest, newestManifest, readManifest } from '@showtell/shared/manifests';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { shardsOf } from '@showtell/shared/read-shard';
import type { ExportOrigin } from '../export/origin';
import { readSamples } from '../export/read-samples';
import { WRITERS } from '../export/writers';

export type ExportFormat = keyof typeof WRITERS;

export interface ExportOptions {
  readonly run: string;
  /** File, or for `npy` a folder. Nothing may be there. */
  readonly out: string;
  readonly format: ExportFormat;
  /** Empty for all. */
  readonly splits?: readonly string[] | undefined;
  /** Number of a manifest, in place of the newest. */
  readonly manifest?: number | undefined;
  readonly signal?: AbortSignal;
  /** Told after each shard: samples. */
  readonly onProgress?: (done: number, total: number) => void;
}

export interface ExportReport extends ExportOrigin {
  /** Absolute path. */
  readonly path: string;
  readonly format: ExportFormat;
  /** Of all files. */
  readonly bytes: number;
  readonly samples: number;
  readonly captions: number;
}

/**
 * Writes the features and captions of a complete run as one file (or for `npy` a folder) for other programs: it appears whole or not
 * at all. Needs the memory of a few shards and of the captions of a split.
 * @throws ShowtellError `USAGE` when something is there; `MISSING_SHARDS`, `NOT_FOUND` (run, manifest or split), `CORRUPT_SHARD`,
 * `CORRUPT_OBJECT`, `DISK_FULL`, `FILE_DENIED`; the store's errors.
 */
export async function exportRun(store: ObjectStore, options: ExportOptions): Promise<ExportReport> {
  const { run, out, format, splits: wanted = [], signal, onProgress = () => {} } = options;
  const { manifest, key, sha256 } = await findManifest(store, run, options.manifest, signal);
  const splits = wanted.length > 0 ? [...new Set(wanted)] : manifest.splits.map(({ split }) => split);
  const shards = splits.flatMap((split) => shardsOf(manifest, split));
  const samplesOf = (split?: string) =>
    shards.filter((shard) => split === undefined || shard.split === split).reduce((sum, { rows }) => sum + rows, 0);
  const total = samplesOf();
  let [samples, captions] = [0, 0];
  async function* read(): AsyncGenerator<SampleRows> {
    for await (const rows of readSamples(store, manifest, splits, signal)) {
      yield rows;
      samples += rows.imageIds.length;
      captions += rows.captions.reduce((sum, { length }) => sum + length, 0);
      onProgress(samples, total);
    }
  }
  const origin: ExportOrigin = {
    run,
    manifest: { number: manifest.number, key, sha256 },
    encoder: manifest.encoder,
    splits: splits.map((split) => ({ split, samples: samplesOf(split) })),
  };
  const { path, bytes } = await WRITERS[format](
    out,
    { origin, total, largest: shards.reduce((most, { rows }) => Math.max(most, rows), 1) },
    read(),
    signal,
  );
  return { path, format, bytes, ...origin, samples, captions };
}

async function findManifest(store: ObjectStore, run: string, number: number | undefined, signal?: AbortSignal): Promise<FoundManifest> {
  const newest = await newestManifest(store, run, signal);
  const last = newest.manifest.number;
  if (number === undefined || number === last) return newest;
  if (number > last) throw new ShowtellError('NOT_FOUND', `Run ${run} has no manifest ${number}; its newest is ${last}`);
  return readManifest(store, keys.manifest(run, number), undefined, signal);
}
