import { type ErrorCode, ShowtellError } from '../../src/errors';
import type { ObjectStore } from '../../src/object-store/object-store';
import { watchRefusals } from '../../src/object-store/watch-refusals';

/** A store that fails in one way, whatever it is asked for. */
const failing = (error: Error): ObjectStore =>
  ({
    url: 's3://bucket/prefix',
    get: async () => {
      throw error;
    },
    list: async function* (prefix: string) {
      if (prefix === '') throw error;
      yield prefix;
    },
  }) as unknown as ObjectStore;

/** What is heard, in order: told or thrown. */
const ask = async (error: Error) => {
  const heard: unknown[] = [];
  const store = watchRefusals(failing(error), (told) => heard.push(told));
  expect(store.url).toBe('s3://bucket/prefix');
  for (const call of [() => store.get('key'), () => store.list('')[Symbol.asyncIterator]().next()])
    try {
      await call();
    } catch (thrown) {
      heard.push(thrown);
    }
  return heard;
};

test.each(['STORE_DENIED', 'NO_SUCH_BUCKET', 'UNSAFE_STORE', 'CLOCK_SKEW'] as const)('%s is told, then thrown', async (code) => {
  const error = new ShowtellError(code, 'no');
  expect(await ask(error)).toEqual([error, error, error, error]);
});

test.each<ErrorCode>(['STORE_UNREACHABLE', 'CORRUPT_OBJECT', 'SOURCE_CHANGED'])(
  '%s, which the next call may not meet, is thrown alone',
  async (code) => {
    const error = new ShowtellError(code, 'not now');
    expect(await ask(error)).toEqual([error, error]);
  },
);

test('answers pass as they are', async () => {
  const inner = {
    get: async (key: string) => ({ key }),
    list: async function* (prefix: string) {
      yield* [`${prefix}a`, `${prefix}b`];
    },
  } as unknown as ObjectStore;
  const store = watchRefusals(inner, () => {
    throw new Error('Expected no refusal');
  });
  expect(await store.get('k')).toEqual({ key: 'k' });
  const listed: unknown[] = [];
  for await (const item of store.list('x/')) listed.push(item);
  expect(listed).toEqual(['x/a', 'x/b']);
});
