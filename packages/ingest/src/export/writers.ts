import { parquetChunks } from '@showtell/shared/arrow/parquet-chunks';
import { arrowChunks, type SampleRows, sampleBatches, sampleSchema } from '@showtell/shared/arrow/sample-batches';
import { canonicalJson } from '@showtell/shared/hash';
import { type NewFile, writeNewFile } from '@showtell/shared/new-file';
import { fillNewFolder } from '@showtell/shared/new-folder';
import { npyHeader } from './npy';
import type { ExportOrigin } from './origin';

/** What is written, but for the samples. */
export interface Contents {
  readonly origin: ExportOrigin;
  /** Samples of all shards, and of the largest. */
  readonly total: number;
  readonly largest: number;
}

type Writer = (out: string, contents: Contents, samples: AsyncIterable<SampleRows>, signal?: AbortSignal) => Promise<NewFile>;

const WHAT = 'the export';

/** Of each format how it is written. */
export const WRITERS = {
  arrow(out, { origin }, samples, signal) {
    const schema = schemaOf(origin);
    return writeNewFile(out, WHAT, arrowChunks(schema, sampleBatches(schema, samples)), signal);
  },
  parquet(out, { origin, largest }, samples, signal) {
    return writeNewFile(out, WHAT, parquetChunks(sampleBatches(schemaOf(origin), samples), largest), signal);
  },
  npy(out, { origin, total }, samples, signal) {
    return fillNewFolder(
      out,
      WHAT,
      async ({ begin, keep }) => {
        const features = await begin('features.npy');
        const lines = await begin('samples.jsonl');
        await features.write(npyHeader(total, origin.encoder.dimension));
        for await (const rows of samples) {
          signal?.throwIfAborted();
          await features.write(new Uint8Array(rows.features.buffer, rows.features.byteOffset, rows.features.byteLength));
          await lines.write(jsonLines(rows));
        }
        await features.end();
        await lines.end();
        await keep('export.json', Buffer.from(`${JSON.stringify(origin, null, 2)}\n`));
      },
      signal,
    );
  },
} as const satisfies Record<string, Writer>;

function schemaOf({ encoder, ...origin }: ExportOrigin) {
  return sampleSchema(encoder.dimension, { 'showtell.encoder': canonicalJson(encoder), 'showtell.export': canonicalJson(origin) });
}

function jsonLines({ imageIds, fileNames, split, captions }: SampleRows): Buffer {
  const lines = imageIds.map((image_id, row) => JSON.stringify({ image_id, file_name: fileNames[row], split, captions: captions[row] }));
  return Buffer.from(`${lines.join('\n')}\n`);
}
