import { isDeepStrictEqual } from 'node:util';
import { decodeCaptionRows, encodeCaptionRows } from '@showtell/shared/arrow/caption-rows';
import { decodeFeatureRows, encodeFeatureRows } from '@showtell/shared/arrow/feature-rows';
import { decodePlanRows, encodePlanRows } from '@showtell/shared/arrow/plan-rows';
import { isShowtellError } from '@showtell/shared/errors';
import type { PlanRow } from '@showtell/shared/schema/plan';
import { expectThat, type FuzzTarget, type Verdict } from './fuzz-target';

const READERS: readonly ((input: Buffer) => void)[] = [features, plan, captions];

/** Shards of features, plans and captions. */
export const arrowTarget: FuzzTarget = {
  async seeds() {
    const ids = ['1', 'é 写真', 'a/b.jpg', ''];
    const row = (imageId: string): PlanRow => ({
      imageId,
      fileName: `${imageId}.jpg`,
      sourceKey: `val/${imageId}.jpg`,
      etag: '"e"',
      bytes: 1_234,
      licence: '',
      url: 'http://example.org/1',
    });
    const zip = { entry: 'val/1.jpg', method: 8, crc32: 0xdeadbeef, compressedBytes: 1_000, offset: 2 ** 33 };
    const table = (rows: number, dimension: number) =>
      encodeFeatureRows(
        ids
          .slice(0, rows)
          .map((imageId) => ({ imageId, fileName: `${imageId}.jpg`, feature: Float32Array.from({ length: dimension }, (_, n) => n / 7) })),
        dimension,
      );
    return [
      table(4, 8),
      table(1, 1),
      table(0, 16),
      table(3, 2_048),
      encodePlanRows(ids.map(row)),
      encodePlanRows(ids.map((id) => ({ ...row(id), zip }))),
      encodePlanRows([]),
      encodeCaptionRows(ids.map((imageId) => ({ imageId, caption: `a photo of ${imageId}` }))),
      encodeCaptionRows([]),
    ];
  },
  words: ['ARROW1\0\0', 'ARROW1', '\xff\xff\xff\xff', 'features/1', 'plan/1', 'captions/1', 'features/2'].map((text) =>
    Buffer.from(text, 'latin1'),
  ),
  covers: /\/(?:shared\/dist\/arrow\/|apache-arrow\/|flatbuffers\/)/,
  mostBytes: 64 * 1_024,
  async check(input) {
    let verdict: Verdict = 'refused';
    for (const read of READERS)
      try {
        read(input);
        verdict = 'accepted';
      } catch (error) {
        if (!isShowtellError(error) || error.code === 'BUG') throw error;
      }
    return verdict;
  },
};

function features(input: Buffer): void {
  const table = decodeFeatureRows(input, 'input');
  const { imageIds, fileNames, dimension } = table;
  expectThat(dimension > 0, () => `a dimension of ${dimension}`);
  expectThat(
    imageIds.length === fileNames.length && table.features.length === imageIds.length * dimension,
    () => 'columns of different lengths',
  );
  expectThat(table.features.byteLength <= input.length, () => 'more numbers than bytes');
  const rows = imageIds.map((imageId, row) => ({
    imageId,
    fileName: fileNames[row]!,
    feature: table.features.subarray(row * dimension, (row + 1) * dimension),
  }));
  expectThat(
    isDeepStrictEqual(decodeFeatureRows(encodeFeatureRows(rows, dimension), 'again'), table),
    () => 'features are written as others',
  );
}

function plan(input: Buffer): void {
  const rows = decodePlanRows(input, 'input');
  for (const { bytes, zip } of rows)
    for (const number of [bytes, ...(zip ? [zip.method, zip.crc32, zip.compressedBytes, zip.offset] : [])])
      expectThat(Number.isSafeInteger(number) && number >= 0, () => `a plan with the number ${number}`);
  expectThat(isDeepStrictEqual(decodePlanRows(encodePlanRows(rows), 'again'), rows), () => 'a plan is written as another');
}

function captions(input: Buffer): void {
  const rows = decodeCaptionRows(input, 'input');
  expectThat(isDeepStrictEqual(decodeCaptionRows(encodeCaptionRows(rows), 'again'), rows), () => 'captions are written as others');
}
