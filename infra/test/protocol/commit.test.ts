import { commit } from '@showtell/shared/commit';
import { sha256 } from '@showtell/shared/hash';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { encodeRecord } from '@showtell/shared/schema/record';
import { explore, type Process } from './explore';
import type { Objects } from './stepped-store';

const RECORD = 'commits/0.json';

interface Record {
  readonly by: string;
  readonly key: string;
  readonly sha256: string;
}

/** A shard's body under a key that carries its hash, and the record that names it. */
function shard(by: string, content: string) {
  const body = Buffer.from(content);
  const record: Record = { by, key: `shards/${sha256(body)}`, sha256: sha256(body) };
  return { parts: [{ key: record.key, body }], recordKey: RECORD, record };
}

const worker =
  (by: string, content = by): Process =>
  (store) =>
    commit(store, shard(by, content)).then((result) =>
      result.outcome === 'committed' ? { committed: true } : { committed: false, there: result.body.toString() },
    );

const recordOf = (objects: Objects): Record | undefined => {
  const found = objects.get(RECORD);
  return found && (JSON.parse(found.toString()) as Record);
};

/** Before the record there is nothing; after it, everything, for ever. */
function always(objects: Objects, before: Objects): void {
  const record = recordOf(objects);
  if (record && sha256(objects.get(record.key) ?? '') !== record.sha256) throw new Error('The record names a body that is not there');
  if (before.has(RECORD) && !before.get(RECORD)!.equals(objects.get(RECORD)!)) throw new Error('The record has changed');
}

const explored = (processes: { readonly [name: string]: Process }, faults: { readonly crashes?: number; readonly lostAnswers?: number }) =>
  explore({
    processes,
    ...faults,
    always,
    atEnd({ objects, endings }) {
      const record = recordOf(objects);
      const returned = Object.entries(endings).flatMap(([name, ending]) =>
        ending !== 'crashed' && 'returned' in ending ? [{ name, ...(ending.returned as { committed: boolean; there?: string }) }] : [],
      );
      if (returned.length > 0) expect(record).toBeDefined();
      for (const { name, committed, there } of returned)
        if (committed) expect(record!.by).toBe(name);
        else expect(there).toBe(objects.get(RECORD)!.toString());
      const nothingHappened = !faults.lostAnswers && returned.length === Object.keys(endings).length;
      if (nothingHappened) expect(returned.filter(({ committed }) => committed)).toHaveLength(1);
    },
    // Whoever takes the job over ends it.
    async afterwards(store) {
      const result = await commit(store, shard('next', 'next'));
      expect(result.outcome === 'committed' || result.body.length > 0).toBe(true);
      expect(Buffer.from((await store.get(RECORD))!.body)).toEqual(
        result.outcome === 'committed' ? encodeRecord(shard('next', 'next').record) : result.body,
      );
    },
  });

describe('commit, in every order of requests', () => {
  test('two workers with the same bytes, two crashes, two lost answers', async () => {
    const { states } = await explored({ a: worker('a', 'same'), b: worker('b', 'same') }, { crashes: 2, lostAnswers: 2 });
    expect(states).toBeGreaterThan(400);
  });

  test('two workers with different bytes, two crashes, two lost answers', async () => {
    const { states } = await explored({ a: worker('a'), b: worker('b') }, { crashes: 2, lostAnswers: 2 });
    expect(states).toBeGreaterThan(500);
  });

  test('three workers, one crash, one lost answer', async () => {
    const { states } = await explored({ a: worker('a'), b: worker('b'), c: worker('c') }, { crashes: 1, lostAnswers: 1 });
    expect(states).toBeGreaterThan(1_000);
  });
});

describe('what is not the protocol is found out', () => {
  const recordFirst =
    (by: string): Process =>
    async (store) => {
      const { parts, record } = shard(by, by);
      await store.putIfAbsent(RECORD, encodeRecord(record));
      await store.put(parts[0]!.key, parts[0]!.body);
    };
  const lastWins =
    (by: string): Process =>
    async (store: ObjectStore) => {
      const { parts, record } = shard(by, by);
      await store.put(parts[0]!.key, parts[0]!.body);
      await store.put(RECORD, encodeRecord(record));
    };

  test('a record that is written before its body', () =>
    expect(explore({ processes: { a: recordFirst('a') }, always })).rejects.toThrow('names a body that is not there'));

  test('a record that is put whatever is there', () =>
    expect(explore({ processes: { a: lastWins('a'), b: lastWins('b') }, always })).rejects.toThrow('The record has changed'));
});
