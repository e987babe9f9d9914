import sharp from 'sharp';
import { isShowtellError, ShowtellError } from '../../src/errors';
import { MAX_FILE_BYTES, PIXEL_BYTES } from '../../src/image/limits';
import type { ObjectStore } from '../../src/object-store/object-store';
import type { PlanRow } from '../../src/schema/plan';
import { objectSource } from '../../src/source/object-source';
import { type PreparedRow, prepareRows } from '../../src/source/prepare-rows';

let photo: Buffer;
const row = (imageId: string, bytes = photo.length): PlanRow => ({
  imageId,
  fileName: `${imageId}.jpg`,
  sourceKey: `val/${imageId}.jpg`,
  etag: `"${imageId}"`,
  bytes,
  licence: '',
  url: '',
});

/** A store that answers with what `get` gives; nothing else of it is used. */
const storeOf = (get: ObjectStore['get']) => ({ get, close: async () => undefined }) as unknown as ObjectStore;

async function collect(rows: AsyncIterable<PreparedRow>): Promise<PreparedRow[]> {
  const all: PreparedRow[] = [];
  for await (const prepared of rows) all.push(prepared);
  return all;
}

beforeAll(async () => {
  photo = await sharp({ create: { width: 30, height: 20, channels: 3, background: '#369' } })
    .jpeg()
    .toBuffer();
});

test('rows come in order, several at once, and what cannot be used is a rejection with its code', async () => {
  const bad: Record<string, () => Buffer | undefined> = {
    '3': () => undefined,
    '5': () => Buffer.from('<html>'),
    '7': () => {
      throw new ShowtellError('SOURCE_CHANGED', 'changed');
    },
    '8': () => photo.subarray(0, photo.length - 40),
  };
  let running = 0;
  let most = 0;
  const store = storeOf(async (key, options) => {
    const id = /(\d+)\.jpg$/.exec(key)![1]!;
    expect(options?.ifMatch).toBe(`"${id}"`);
    most = Math.max(most, ++running);
    // Later rows answer sooner, so that only waiting for the earlier ones keeps the order.
    await new Promise((resolve) => setTimeout(resolve, 12 - Number(id)));
    running--;
    const body = bad[id] ? bad[id]() : photo;
    return body && { body, etag: `"${id}"` };
  });
  const rows = Array.from({ length: 10 }, (_, index) => {
    const body = bad[index] && index !== 7 ? bad[index]() : photo;
    return row(String(index), index === 9 ? MAX_FILE_BYTES + 1 : body?.length);
  });
  const prepared = await collect(prepareRows(objectSource(store), rows, { concurrency: 4 }));
  expect(prepared.map((one) => one.row)).toEqual(rows);
  expect(prepared.map((one) => one.rejection?.code ?? one.pixels?.length)).toEqual([
    PIXEL_BYTES,
    PIXEL_BYTES,
    PIXEL_BYTES,
    'MISSING_IMAGE',
    PIXEL_BYTES,
    'UNSUPPORTED_FORMAT',
    PIXEL_BYTES,
    'SOURCE_CHANGED',
    'TRUNCATED',
    'TOO_LARGE',
  ]);
  expect(prepared[3]!.rejection).toEqual({ imageId: '3', code: 'MISSING_IMAGE', reason: expect.stringContaining('val/3.jpg') });
  expect(most).toBe(4);
});

test.each(['STORE_UNREACHABLE', 'STORE_DENIED', 'CORRUPT_OBJECT'] as const)('%s is thrown, not a rejection', async (code) => {
  const store = storeOf(async (key) => {
    if (key.endsWith('2.jpg')) throw new ShowtellError(code, 'down');
    return { body: photo, etag: '' };
  });
  const seen: string[] = [];
  await expect(async () => {
    for await (const one of prepareRows(
      objectSource(store),
      ['0', '1', '2', '3'].map((id) => row(id)),
      { concurrency: 3 },
    ))
      seen.push(one.row.imageId);
  }).rejects.toMatchObject({ code });
  expect(['0', '1'].slice(0, seen.length)).toEqual(seen);
});

test('a photo that comes shorter than it was planned is read again, and is never taken for a damaged photo', async () => {
  let reads = 0;
  const prepare = (short: number) => {
    reads = 0;
    const store = storeOf(async () => ({ body: ++reads > short ? photo : photo.subarray(0, 200), etag: '"0"' }));
    return collect(prepareRows(objectSource(Object.assign(store, { url: 's3://bucket/photos' })), [row('0')], { concurrency: 1 }));
  };
  expect((await prepare(2))[0]!.pixels).toHaveLength(PIXEL_BYTES);
  expect(reads).toBe(3);
  await expect(prepare(99)).rejects.toMatchObject({
    code: 'CORRUPT_OBJECT',
    retryable: true,
    message: `Expected ${photo.length} bytes of val/0.jpg in s3://bucket/photos but received 200, 3 times`,
  });
  expect(reads).toBe(3);
});

test('aborting throws the reason, hands the signal to the reader and begins nothing more', async () => {
  const controller = new AbortController();
  let begun = 0;
  const reader = {
    read: (_row: PlanRow, signal?: AbortSignal) => {
      begun++;
      return new Promise<Buffer>((_resolve, reject) => {
        signal!.addEventListener('abort', () => reject(signal!.reason as Error));
        if (begun === 2) controller.abort(new ShowtellError('LOCK_LOST', 'another worker'));
      });
    },
    close: async () => undefined,
  };
  const error = await collect(
    prepareRows(
      reader,
      ['0', '1', '2', '3', '4'].map((id) => row(id)),
      { concurrency: 2, signal: controller.signal },
    ),
  ).catch((reason: unknown) => reason);
  expect(isShowtellError(error, 'LOCK_LOST')).toBe(true);
  expect(begun).toBe(2);
});

test('a consumer that stops early stops the reading', async () => {
  let begun = 0;
  const store = storeOf(async () => {
    begun++;
    return { body: photo, etag: '' };
  });
  for await (const one of prepareRows(
    objectSource(store),
    Array.from({ length: 200 }, (_, id) => row(String(id))),
    { concurrency: 2 },
  )) {
    expect(one.pixels?.length).toBe(PIXEL_BYTES);
    break;
  }
  expect(begun).toBeLessThan(20);
});
