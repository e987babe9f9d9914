import { ShowtellError } from '../src/errors';
import type { ObjectStore } from '../src/object-store/object-store';
import { READS, readAgain } from '../src/read-again';

/** A store whose one object is read as these, the last of them for ever. */
function answering(...bodies: (string | undefined)[]) {
  let reads = 0;
  const get = async () => {
    const body = bodies[Math.min(reads++, bodies.length - 1)];
    return body === undefined ? undefined : { body: Buffer.from(body), etag: '"1"' };
  };
  return { store: { get } as unknown as ObjectStore, reads: () => reads };
}

const corrupt = new ShowtellError('CORRUPT_OBJECT', 'cut off');
const whole = ({ body }: { readonly body: Buffer }) => {
  if (body.toString() === 'whole') return 'taken';
  throw body.toString() === 'foreign' ? new ShowtellError('FORMAT_VERSION', 'another version') : corrupt;
};

test('what was cut off on the way is read again, and what stays so is told after the last read', async () => {
  const mended = answering('who', 'whole');
  expect(await readAgain(mended.store, 'key', whole)).toBe('taken');
  expect(mended.reads()).toBe(2);
  const damaged = answering('who');
  await expect(readAgain(damaged.store, 'key', whole)).rejects.toBe(corrupt);
  expect(damaged.reads()).toBe(READS);
});

test('what is not there, or wrong in another way, is not read again', async () => {
  const absent = answering(undefined);
  expect(await readAgain(absent.store, 'key', whole)).toBeUndefined();
  expect(absent.reads()).toBe(1);
  const foreign = answering('foreign');
  await expect(readAgain(foreign.store, 'key', whole)).rejects.toMatchObject({ code: 'FORMAT_VERSION' });
  expect(foreign.reads()).toBe(1);
});

test('whoever is told to stop while it waits for the next read hears the reason', async () => {
  const stop = new AbortController();
  const reason = new ShowtellError('INTERRUPTED', 'stopped');
  const { store, reads } = answering('who');
  const check = () => {
    stop.abort(reason);
    throw corrupt;
  };
  await expect(readAgain(store, 'key', check, { signal: stop.signal })).rejects.toBe(reason);
  expect(reads()).toBe(1);
});
