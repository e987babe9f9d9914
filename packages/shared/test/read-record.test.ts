import { z } from 'zod';
import { sha256 } from '../src/hash';
import type { ObjectStore } from '../src/object-store/object-store';
import { readRecord } from '../src/read-record';
import { encodeRecord } from '../src/schema/record';

const Small = z.object({ formatVersion: z.literal(1), name: z.string() });
const body = encodeRecord({ formatVersion: 1, name: 'of a record' });

/** A store whose first answers are these, and then the whole record. */
function answering(...first: (Buffer | undefined)[]) {
  let reads = 0;
  const get = async () => {
    const answer = reads < first.length ? first[reads] : body;
    reads += 1;
    return answer && { body: answer, etag: '"1"' };
  };
  return { store: { get } as unknown as ObjectStore, reads: () => reads };
}

test('a record that came whole is read once', async () => {
  const { store, reads } = answering();
  expect(await readRecord(store, Small, 1, 'small.json')).toEqual({
    record: { formatVersion: 1, name: 'of a record' },
    body,
    sha256: sha256(body),
    etag: '"1"',
  });
  expect(reads()).toBe(1);
});

test('one that is not there is nothing', async () => {
  expect(await readRecord(answering(undefined).store, Small, 1, 'small.json')).toBeUndefined();
});

test('one that was cut off is read again, and after three times it is CORRUPT_OBJECT with its key', async () => {
  const short = body.subarray(0, 20);
  const { store, reads } = answering(short, short);
  expect((await readRecord(store, Small, 1, 'small.json'))!.record.name).toBe('of a record');
  expect(reads()).toBe(3);
  await expect(readRecord(answering(short, short, short).store, Small, 1, 'small.json')).rejects.toMatchObject({
    code: 'CORRUPT_OBJECT',
    message: 'small.json is not JSON',
  });
});

test('one of another version is no fault of the way', async () => {
  const { store, reads } = answering(encodeRecord({ formatVersion: 2 }));
  await expect(readRecord(store, Small, 1, 'small.json')).rejects.toMatchObject({ code: 'FORMAT_VERSION' });
  expect(reads()).toBe(1);
});

test('one that another record names by its sha256 is read again while it is another, and then refused', async () => {
  const other = encodeRecord({ formatVersion: 1, name: 'of another' });
  const expected = sha256(body);
  const { store, reads } = answering(body.subarray(0, -1), other);
  expect((await readRecord(store, Small, 1, 'small.json', { expected }))!.sha256).toBe(expected);
  expect(reads()).toBe(3);
  await expect(readRecord(answering(other, other, other).store, Small, 1, 'small.json', { expected })).rejects.toMatchObject({
    code: 'CORRUPT_OBJECT',
    message: `Expected sha256 ${expected} for small.json but received ${sha256(other)}`,
  });
});
