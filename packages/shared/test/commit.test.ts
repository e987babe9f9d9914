import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Commit, commit, readPart } from '@showtell/shared/commit';
import { sha256 } from '@showtell/shared/hash';
import { FileStore } from '@showtell/shared/object-store/file';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { S3Store } from '@showtell/shared/object-store/s3';
import { encodeRecord } from '@showtell/shared/schema/record';
import { startS3 } from '../../../infra/test/s3-server';
import { describeS3 } from './describe-s3';

const partOf = (text: string) => {
  const body = Buffer.from(text);
  return { key: `parts/${sha256(body).slice(0, 12)}`, body, bytes: body.length, sha256: sha256(body) };
};

/** A commit of one shard, as two workers that encoded it a little differently would make it. */
function commitOf(recordKey: string, text: string): Commit & { record: { formatVersion: 1; key: string; bytes: number; sha256: string } } {
  const { body, ...part } = partOf(text);
  return { parts: [{ key: part.key, body }], recordKey, record: { formatVersion: 1, ...part } };
}

/** The store, with some of its calls done by others. */
const altered = (store: ObjectStore, calls: Partial<ObjectStore>): ObjectStore => Object.assign(Object.create(store) as ObjectStore, calls);

function describeCommit(open: () => Promise<{ store: ObjectStore; other: ObjectStore; stop: () => Promise<void> }>): void {
  let store: ObjectStore;
  let other: ObjectStore;
  let stop: () => Promise<void>;
  beforeAll(async () => {
    ({ store, other, stop } = await open());
  });
  afterAll(() => stop());

  test('writes every part, then the record, in canonical form', async () => {
    const seen: string[] = [];
    const watched = altered(store, {
      async put(key, ...rest) {
        const answer = await store.put(key, ...rest);
        seen.push(`written ${key}`);
        return answer;
      },
      async upload(key, ...rest) {
        await store.upload(key, ...rest);
        seen.push(`written ${key}`);
      },
      putIfAbsent: (key, ...rest) => (seen.push(`begun ${key}`), store.putIfAbsent(key, ...rest)),
    });
    const parts = [partOf('one'), partOf('x'.repeat(2 ** 24 + 1)), ...Array.from({ length: 40 }, (_, index) => partOf(`small ${index}`))];
    expect(await commit(watched, { parts, recordKey: 'order.json', record: { b: 1, a: 2 } })).toEqual({ outcome: 'committed' });
    expect(seen.slice(0, -1).sort()).toEqual(parts.map(({ key }) => `written ${key}`).sort());
    expect(seen.at(-1)).toBe('begun order.json');
    expect((await store.get('order.json'))!.body.toString()).toBe('{"a":2,"b":1}\n');
    for (const part of parts) expect((await readPart(store, part)).equals(part.body)).toBe(true);
  });

  test('stores a record given as bytes as it is', async () => {
    const record = Buffer.from('any bytes');
    expect(await commit(store, { parts: [], recordKey: 'bytes', record })).toEqual({ outcome: 'committed' });
    expect((await store.get('bytes'))!.body).toEqual(record);
  });

  test('killed after the parts it has committed nothing, and goes through when it is run again', async () => {
    const shard = commitOf('killed.json', 'killed');
    const killed = altered(store, { putIfAbsent: () => Promise.reject(new Error('killed')) });
    await expect(commit(killed, shard)).rejects.toThrow('killed');
    expect(await store.get('killed.json')).toBeUndefined();
    expect(await store.head(shard.parts[0]!.key)).toBeDefined();
    expect(await commit(store, shard)).toEqual({ outcome: 'committed' });
  });

  test('tells a second committer of the record that was first, and leaves it', async () => {
    const first = commitOf('second.json', 'first');
    const stored = encodeRecord(first.record);
    expect(await commit(store, first)).toEqual({ outcome: 'committed' });
    expect(await commit(other, commitOf('second.json', 'another'))).toEqual({ outcome: 'exists', body: stored });
    expect(await commit(store, first)).toEqual({ outcome: 'exists', body: stored });
    expect((await store.get('second.json'))!.body).toEqual(stored);
  });

  test('gives its own record back when its answer was lost', async () => {
    const shard = commitOf('lost.json', 'lost');
    const losing = altered(store, {
      async putIfAbsent(...call) {
        await store.putIfAbsent(...call);
        return store.putIfAbsent(...call);
      },
    });
    expect(await commit(losing, shard)).toEqual({ outcome: 'exists', body: encodeRecord(shard.record) });
  });

  test('writes the record when the one that was first is deleted before it can be read', async () => {
    const shard = commitOf('repaired.json', 'repaired');
    await commit(store, commitOf('repaired.json', 'damaged'));
    const repaired = altered(store, { get: async (...call) => (await store.delete('repaired.json'), store.get(...call)) });
    expect(await commit(repaired, shard)).toEqual({ outcome: 'committed' });
    expect((await store.get('repaired.json'))!.body).toEqual(encodeRecord(shard.record));
  });

  test('writes no record after an abort', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const aborting = altered(store, {
      async put(...call) {
        const answer = await store.put(...call);
        controller.abort(reason);
        return answer;
      },
    });
    await expect(commit(aborting, { ...commitOf('aborted.json', 'aborted'), signal: controller.signal })).rejects.toBe(reason);
    expect(await store.get('aborted.json')).toBeUndefined();
  });

  test('of two racers one commits, a hundred times, and both end with its record and its part', async () => {
    for (let round = 0; round < 100; round++) {
      const shards = [commitOf(`race/${round}.json`, `${round} of one`), commitOf(`race/${round}.json`, `${round} of the other`)] as const;
      const outcomes = await Promise.all([commit(store, shards[0]), commit(other, shards[1])]);
      const winner = outcomes.findIndex(({ outcome }) => outcome === 'committed');
      const record = shards[winner as 0 | 1]?.record;
      expect(outcomes[1 - winner]).toEqual({ outcome: 'exists', body: encodeRecord(record) });
      expect(await readPart(store, record!)).toEqual(shards[winner as 0 | 1].parts[0]!.body);
    }
    let records = 0;
    for await (const _info of store.list('race/')) records += 1;
    expect(records).toBe(100);
  });

  describe('readPart', () => {
    test('refuses a part that is absent, shorter, or of other bytes', async () => {
      const part = partOf('a part of some length');
      await expect(readPart(store, part)).rejects.toMatchObject({
        code: 'CORRUPT_OBJECT',
        retryable: false,
        exitCode: 6,
        message: `Expected 21 bytes of sha256 ${part.sha256} for ${part.key} in ${store.url} but found nothing`,
      });
      const flipped = Buffer.from(part.body);
      flipped[7]! ^= 1;
      for (const body of [part.body.subarray(1), flipped, Buffer.alloc(0)]) {
        await store.put(part.key, body);
        await expect(readPart(store, part)).rejects.toMatchObject({
          code: 'CORRUPT_OBJECT',
          message: expect.stringContaining(`received ${body.length} bytes of sha256 ${sha256(body)}, 3 times`) as string,
        });
      }
    });

    test('reads again what was damaged on the way', async () => {
      const part = partOf('damaged on the way');
      await store.put(part.key, part.body);
      let reads = 0;
      const noisy = altered(store, {
        get: async (...call) => {
          const found = await store.get(...call);
          if (reads++ < 2) found!.body[0]! ^= 1;
          return found;
        },
      });
      expect(await readPart(noisy, part)).toEqual(part.body);
    });
  });
}

describe('commit to a FileStore', () => {
  describeCommit(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'showtell-commit-'));
    return { store: new FileStore(folder), other: new FileStore(folder), stop: () => rm(folder, { recursive: true }) };
  });
});

describeS3('commit to an S3Store', () => {
  describeCommit(async () => {
    const server = (await startS3())!;
    const options = { endpoint: server.endpoint, credentials: server.credentials };
    const [store, other] = [new S3Store(server.bucket, '', options), new S3Store(server.bucket, '', options)];
    return {
      store,
      other,
      async stop() {
        await store.close();
        await other.close();
        await server.stop();
      },
    };
  });
});
