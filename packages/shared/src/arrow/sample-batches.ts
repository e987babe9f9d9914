import {
  AsyncByteQueue,
  type Data,
  Field,
  FixedSizeList,
  Float32,
  List,
  makeData,
  RecordBatch,
  RecordBatchFileWriter,
  Schema,
  Struct,
  Utf8,
} from 'apache-arrow';
import { textColumn } from './arrow-file';

/** Whole samples, as exports have them: features with what belongs to them. */
export interface SampleRows {
  readonly imageIds: readonly string[];
  readonly fileNames: readonly string[];
  /** Of all of them. */
  readonly split: string;
  /** Of each image its captions, possibly none. */
  readonly captions: readonly (readonly string[])[];
  /** Row-major [images, dimension]. */
  readonly features: Float32Array;
}

/** One schema object for all batches of a file: arrow-js ends the file at a batch whose schema is another. */
export function sampleSchema(dimension: number, metadata: Readonly<Record<string, string>>): Schema {
  return new Schema(
    [
      new Field('image_id', new Utf8(), false),
      new Field('file_name', new Utf8(), false),
      new Field('split', new Utf8(), false),
      new Field('captions', new List(new Field('item', new Utf8(), false)), false),
      new Field('feature', new FixedSizeList(dimension, new Field('item', new Float32(), false)), false),
    ],
    new Map([['showtell', 'samples/1'], ...Object.entries(metadata)]),
  );
}

/** A batch for each table. There is at least one, without rows if need be: it is by a batch that some formats know their columns. */
export async function* sampleBatches(schema: Schema, tables: AsyncIterable<SampleRows>): AsyncGenerator<RecordBatch> {
  let some = false;
  for await (const rows of tables) {
    yield sampleBatch(schema, rows);
    some = true;
  }
  if (!some) yield sampleBatch(schema, { imageIds: [], fileNames: [], split: '', captions: [], features: new Float32Array(0) });
}

function sampleBatch(schema: Schema, { imageIds, fileNames, split, captions, features }: SampleRows): RecordBatch {
  const length = imageIds.length;
  const valueOffsets = new Int32Array(length + 1);
  for (const [row, own] of captions.entries()) valueOffsets[row + 1] = valueOffsets[row]! + own.length;
  const [, , , captionsField, featureField] = schema.fields;
  const numbers = makeData({ type: new Float32(), length: features.length, nullCount: 0, data: features });
  const children: Data[] = [
    textColumn(imageIds),
    textColumn(fileNames),
    textColumn(imageIds.map(() => split)),
    makeData({ type: captionsField!.type as List, length, nullCount: 0, valueOffsets, child: textColumn(captions.flat()) }),
    makeData({ type: featureField!.type as FixedSizeList, length, nullCount: 0, child: numbers }),
  ];
  return new RecordBatch(schema, makeData({ type: new Struct(schema.fields), length, nullCount: 0, children }));
}

/** arrow-js pushes a batch's buffers into a queue as soon as it has the batch; here they are taken out before the next one is asked for. */
class Chunks extends AsyncByteQueue {
  #chunks: Uint8Array[] = [];

  override write(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
  }

  take(): Uint8Array[] {
    const taken = this.#chunks;
    this.#chunks = [];
    return taken;
  }
}

/** The bytes of an Arrow file, a record batch each, never more than one of them in memory. No compression: see `writeArrowFile`. */
export async function* arrowChunks(schema: Schema, batches: AsyncIterable<RecordBatch>): AsyncGenerator<Uint8Array> {
  const chunks = new Chunks();
  const writer = new RecordBatchFileWriter();
  writer.reset(chunks, schema);
  for await (const batch of batches) {
    writer.write(batch);
    yield* chunks.take();
  }
  writer.close();
  yield* chunks.take();
}
