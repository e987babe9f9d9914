import { DataType, Field, FixedSizeList, Float32, makeData, type Schema, Utf8 } from 'apache-arrow';
import { ShowtellError } from '../errors';
import type { FeatureRow } from '../schema/shard';
import { arrowSchema, readArrowFile, textColumn, writeArrowFile } from './arrow-file';

type FeatureColumns = { image_id: Utf8; file_name: Utf8; feature: FixedSizeList<Float32> };

/** Rows of one shard, in plan order. `features` is n × dimension, row after row. */
export interface FeatureTable {
  readonly imageIds: string[];
  readonly fileNames: string[];
  readonly features: Float32Array;
  readonly dimension: number;
}

/** The body of a shard as an Arrow file: `feature` is a fixed-size list of float32. The same rows give the same bytes. */
export function encodeFeatureRows(rows: readonly FeatureRow[], dimension: number): Buffer {
  const schema = featureSchema(dimension);
  const values = new Float32Array(rows.length * dimension);
  for (const [index, row] of rows.entries()) {
    if (row.feature.length !== dimension)
      throw new ShowtellError(
        'BUG',
        `Expected ${dimension} numbers for the feature of image ${row.imageId} but received ${row.feature.length}`,
      );
    values.set(row.feature, index * dimension);
  }
  const child = makeData({ type: new Float32(), length: values.length, nullCount: 0, data: values });
  return writeArrowFile(
    schema,
    [
      textColumn(rows.map((row) => row.imageId)),
      textColumn(rows.map((row) => row.fileName)),
      makeData({ type: featureType(dimension), length: rows.length, nullCount: 0, child }),
    ],
    rows.length,
  );
}

/**
 * `features` shares memory with `file` where alignment allows.
 * Throws `CORRUPT_OBJECT` (or `FORMAT_VERSION`) naming `where`. Check the sha256 before: a flipped bit can hang the parser.
 */
export function decodeFeatureRows(file: Uint8Array, where: string): FeatureTable {
  const batch = readArrowFile((found) => featureSchema(dimensionOf(found)), file, where);
  const feature = batch.getChild('feature')!;
  const dimension = feature.type.listSize;
  // The child's buffer is padded to 8 bytes.
  const values = (feature.data[0]!.children[0]!.values as Float32Array).subarray(0, batch.numRows * dimension);
  if (values.length !== batch.numRows * dimension)
    throw new ShowtellError('CORRUPT_OBJECT', `${where}: expected ${batch.numRows} × ${dimension} numbers but received ${values.length}`, {
      retryable: false,
    });
  const text = (name: 'image_id' | 'file_name') => Array.from(batch.getChild(name)!, (value) => value!);
  return { imageIds: text('image_id'), fileNames: text('file_name'), features: values, dimension };
}

const schemas = new Map<number, Schema<FeatureColumns>>();

/** One schema object per dimension, for the life of the process. */
function featureSchema(dimension: number): Schema<FeatureColumns> {
  const known = schemas.get(dimension);
  if (known !== undefined) return known;
  const schema = arrowSchema<FeatureColumns>('features', 1, [
    new Field('image_id', new Utf8(), false),
    new Field('file_name', new Utf8(), false),
    new Field('feature', featureType(dimension), false),
  ]);
  schemas.set(dimension, schema);
  return schema;
}

function featureType(dimension: number): FixedSizeList<Float32> {
  return new FixedSizeList(dimension, new Field('item', new Float32(), false));
}

/** The dimension a file says it has; 1 for a file of another kind, which then does not fit. */
function dimensionOf(schema: Schema): number {
  const type = schema.fields.find((field) => field.name === 'feature')?.type;
  return DataType.isFixedSizeList(type) ? Math.max(1, type.listSize) : 1;
}
