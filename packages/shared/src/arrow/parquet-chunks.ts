import { ReadableStream } from 'node:stream/web';
import { type RecordBatch, RecordBatchStreamWriter } from 'apache-arrow';
import { ShowtellError } from '../errors';

/**
 * The bytes of a Parquet file with the columns of the batches, compressed with zstd: one row group for so many rows, and never more
 * than one of them in memory. The Arrow schema stands in it, so that readers find lists of a fixed size where there were some.
 */
export async function* parquetChunks(batches: AsyncIterable<RecordBatch>, rowGroupRows: number): AsyncGenerator<Uint8Array> {
  // 5 MB of WebAssembly, which only an export to Parquet needs.
  const parquet = require('parquet-wasm') as typeof import('parquet-wasm');
  const { Compression, EnabledStatistics, Table, transformParquetStream, WriterPropertiesBuilder } = parquet;
  const properties = new WriterPropertiesBuilder()
    .setCompression(Compression.ZSTD)
    .setMaxRowGroupSize(rowGroupRows)
    // Of text of which every value is another, and of features, neither dictionaries nor bounds save anybody a byte.
    .setDictionaryEnabled(false)
    .setColumnDictionaryEnabled('split', true)
    .setStatisticsEnabled(EnabledStatistics.None)
    .setColumnStatisticsEnabled('image_id', EnabledStatistics.Chunk)
    .setColumnStatisticsEnabled('split', EnabledStatistics.Chunk)
    .setCreatedBy('showtell')
    .build();
  const source = batches[Symbol.asyncIterator]();
  // Of a failure below it the library tells in words of its own, or, behind the first batch, ends the file as if nothing were.
  let failure: { readonly error: unknown } | undefined;
  let ended = false;
  const stream = new ReadableStream(
    {
      async pull(controller) {
        try {
          const { done, value } = await source.next();
          if (done) {
            ended = true;
            return controller.close();
          }
          const table = Table.fromIPCStream(RecordBatchStreamWriter.writeAll([value]).toUint8Array(true));
          controller.enqueue(table.recordBatch(0));
          table.free();
        } catch (error) {
          failure = { error };
          controller.error(error);
        }
      },
    },
    { highWaterMark: 0 },
  );
  try {
    yield* (await transformParquetStream(stream as globalThis.ReadableStream, properties)) as ReadableStream<Uint8Array>;
  } catch (error) {
    throw failure === undefined ? error : failure.error;
  } finally {
    await source.return?.();
  }
  if (failure !== undefined) throw failure.error;
  if (!ended) throw new ShowtellError('BUG', 'The Parquet writer ended before it was given all samples');
}
