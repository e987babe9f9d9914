import { createHash, randomBytes } from 'node:crypto';
import type { Leftover, ObjectStore } from '@showtell/shared/object-store/object-store';

const text = (body: string) => Buffer.from(body);

async function collect(stream: AsyncIterable<unknown> | undefined): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream!) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function keysOf(store: ObjectStore, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix)) keys.push(key);
  return keys;
}

async function foldersOf(store: ObjectStore, folder: string): Promise<string[]> {
  const names: string[] = [];
  for await (const name of store.folders(folder)) names.push(name);
  return names;
}

export async function leftoversOf(store: ObjectStore): Promise<Leftover[]> {
  const found: Leftover[] = [];
  for await (const leftover of store.leftovers()) found.push(leftover);
  return found;
}

/** What every object store must do. `open` gives an empty store, and another client of the same one for races. */
export function describeStore(open: () => Promise<{ store: ObjectStore; other: ObjectStore; stop: () => Promise<void> }>): void {
  let store: ObjectStore;
  let other: ObjectStore;
  let stop: () => Promise<void>;
  beforeAll(async () => {
    ({ store, other, stop } = await open());
  });
  afterAll(() => stop());

  describe('reading and writing', () => {
    test.each([0, 1, 300_000])('gives back %i bytes as they were put', async (length) => {
      const body = randomBytes(length);
      const { etag } = await store.put(`whole/${length}`, body);
      const found = (await store.get(`whole/${length}`))!;
      expect(found.etag).toBe(etag);
      // Not toEqual, which takes seconds for long buffers.
      expect(found.body.equals(body)).toBe(true);
      expect((await collect(await store.stream(`whole/${length}`))).equals(body)).toBe(true);
      expect(await store.head(`whole/${length}`)).toMatchObject({ key: `whole/${length}`, bytes: length, etag });
    });

    test('tells the time of writing by its own clock', async () => {
      await store.put('time', text('now'));
      expect(Math.abs((await store.head('time'))!.lastModified.valueOf() - Date.now())).toBeLessThan(60_000);
    });

    test('gives undefined for what is not there', async () => {
      await store.put('there/file', text('x'));
      for (const key of ['absent', 'no/such/folder', 'there', 'there/file/below']) {
        expect(await store.get(key)).toBeUndefined();
        expect(await store.stream(key)).toBeUndefined();
        expect(await store.head(key)).toBeUndefined();
      }
    });

    test('put writes over what was there', async () => {
      const first = await store.put('over', text('first'));
      const second = await store.put('over', text('the second'));
      expect(second.etag).not.toBe(first.etag);
      expect(await store.get('over')).toEqual({ body: text('the second'), etag: second.etag });
    });

    test('uploads bodies of many pieces', async () => {
      const body = randomBytes(2 ** 24 + 12_345);
      await store.upload('large', body);
      const sha = (data: Buffer) => createHash('sha256').update(data).digest('hex');
      expect(sha((await store.get('large'))!.body)).toBe(sha(body));
      expect(sha(await collect(await store.stream('large')))).toBe(sha(body));
      await store.delete('large');
    });

    test('reads ranges, and refuses those that go past the end', async () => {
      await store.put('range', text('0123456789'));
      expect((await store.get('range', { range: { start: 2, end: 4 } }))!.body.toString()).toBe('234');
      expect((await store.get('range', { range: { start: 9, end: 9 } }))!.body.toString()).toBe('9');
      expect((await collect(await store.stream('range', { range: { start: 0, end: 8 } }))).toString()).toBe('012345678');
      await expect(store.get('range', { range: { start: 8, end: 10 } })).rejects.toMatchObject({ code: 'CORRUPT_OBJECT' });
      await expect(store.get('range', { range: { start: 20, end: 30 } })).rejects.toMatchObject({ code: 'CORRUPT_OBJECT' });
    });

    test('ifMatch reads only the object that was meant', async () => {
      const { etag } = await store.put('planned', text('as planned'));
      expect((await store.get('planned', { ifMatch: etag }))!.body.toString()).toBe('as planned');
      await store.put('planned', text('something else'));
      await expect(store.get('planned', { ifMatch: etag })).rejects.toMatchObject({ code: 'SOURCE_CHANGED' });
      await expect(store.stream('planned', { ifMatch: etag })).rejects.toMatchObject({ code: 'SOURCE_CHANGED' });
    });

    test('deletes, also what is not there', async () => {
      await store.put('deleted', text('x'));
      await store.delete('deleted');
      await store.delete('deleted');
      await store.delete('no/such/folder/either');
      expect(await store.get('deleted')).toBeUndefined();
    });

    test.each([
      'with space',
      'a%20b',
      'a+b&c=d?e',
      '#hash',
      'quote"\'',
      'émigré',
      'e\u0301',
      '🙂/～',
      'back\\slash',
      '.hidden',
      '...',
      'cr\rlf\n',
      'a+b%2Bc',
    ])('keeps the key %j as it is', async (name) => {
      const key = `names/${name}`;
      await store.put(key, text(name));
      expect((await store.get(key))!.body.toString()).toBe(name);
      expect(await keysOf(store, key)).toEqual([key]);
      await store.delete(key);
      expect(await store.head(key)).toBeUndefined();
    });

    test.each(['', '/a', '..', '../a', 'a/../b', 'a/..', './a', 'a/./b', 'a\0b'])('refuses the key %j', async (key) => {
      const refused = { code: 'USAGE' };
      await expect(store.get(key)).rejects.toMatchObject(refused);
      await expect(store.stream(key)).rejects.toMatchObject(refused);
      await expect(store.head(key)).rejects.toMatchObject(refused);
      await expect(store.put(key, text('x'))).rejects.toMatchObject(refused);
      await expect(store.upload(key, text('x'))).rejects.toMatchObject(refused);
      await expect(store.putIfAbsent(key, text('x'))).rejects.toMatchObject(refused);
      await expect(store.replace(key, text('x'), '"x"')).rejects.toMatchObject(refused);
      await expect(store.delete(key)).rejects.toMatchObject(refused);
      if (key !== '') await expect(keysOf(store, key)).rejects.toMatchObject(refused);
    });
  });

  describe('conditional writes', () => {
    test('deletes only what it was told to, and what was made since stays', async () => {
      const { etag } = await store.put('delete-if', text('found'));
      const replaced = await store.replace('delete-if', text('made since'), etag);
      await store.delete('delete-if', { ifMatch: etag });
      expect((await store.get('delete-if'))!.body).toEqual(text('made since'));
      await store.delete('delete-if', { ifMatch: replaced.replaced ? replaced.etag : '' });
      expect(await store.get('delete-if')).toBeUndefined();
      expect(await keysOf(store, 'delete-if')).toEqual([]);
      const created = await store.putIfAbsent('delete-if', text('made again'));
      await store.delete('delete-if', { ifMatch: etag });
      expect((await store.get('delete-if'))!.body).toEqual(text('made again'));
      await store.delete('delete-if', { ifMatch: created.created ? created.etag : '' });
      await store.delete('delete-if', { ifMatch: etag });
      await store.delete('no/such/folder', { ifMatch: etag });
      expect(await store.get('delete-if')).toBeUndefined();
    });

    test('of a deletion and a new object at once, the new object is there afterwards', async () => {
      for (let round = 0; round < 10; round++) {
        const { etag } = await store.put('delete-race', text(`found ${round}`));
        const again = async () => {
          for (;;) if ((await store.putIfAbsent('delete-race', text(`made ${round}`))).created) return;
        };
        await Promise.all([store.delete('delete-race', { ifMatch: etag }), again(), store.delete('delete-race', { ifMatch: etag })]);
        expect((await store.get('delete-race'))!.body).toEqual(text(`made ${round}`));
        await store.delete('delete-race');
      }
    });

    test('putIfAbsent creates once', async () => {
      const created = await store.putIfAbsent('once', text('first'));
      expect(created).toEqual({ created: true, etag: expect.any(String) as string });
      expect(await store.putIfAbsent('once', text('second'))).toEqual({ created: false });
      expect(await store.putIfAbsent('once', text('first'))).toEqual({ created: false });
      expect(await store.get('once')).toEqual({ body: text('first'), etag: created.created && created.etag });
    });

    test('putIfAbsent creates again after a deletion, also of an object that was replaced', async () => {
      for (let round = 0; round < 3; round++) {
        const created = await store.putIfAbsent('again', text(`created ${round}`));
        expect(created.created).toBe(true);
        const etag = created.created ? created.etag : '';
        expect((await store.replace('again', text(`replaced ${round}`), etag)).replaced).toBe(true);
        await store.delete('again');
        expect(await store.get('again')).toBeUndefined();
        expect(await keysOf(store, 'again')).toEqual([]);
        expect(await store.replace('again', text('ghost'), etag)).toEqual({ replaced: false });
      }
    });

    test('replace takes the etag of put, putIfAbsent, replace, get, head and list, and each one once', async () => {
      let { etag } = await store.put('swap', text('0'));
      const stale = [etag];
      const listed = async () => {
        for await (const info of store.list('swap')) return info.etag;
        return '';
      };
      const sources = [
        async () => etag,
        async () => (await store.get('swap'))!.etag,
        async () => (await store.head('swap'))!.etag,
        async () => etag,
        listed,
      ];
      for (const [index, source] of sources.entries()) {
        const answer = await store.replace('swap', text(`body ${index}`), await source());
        expect(answer.replaced).toBe(true);
        if (answer.replaced) stale.push((etag = answer.etag));
      }
      for (const old of stale.slice(0, -1)) expect(await store.replace('swap', text('stale'), old)).toEqual({ replaced: false });
      expect(await store.get('swap')).toEqual({ body: text('body 4'), etag });
      expect(await store.putIfAbsent('swap', text('x'))).toEqual({ created: false });
      expect(await keysOf(store, 'swap')).toEqual(['swap']);
      expect((await store.head('swap'))!.bytes).toBe(6);
    });

    test('put writes over an object that was replaced', async () => {
      const { etag } = await store.put('both', text('1'));
      const replaced = await store.replace('both', text('22'), etag);
      const put = await store.put('both', text('333'));
      expect(await store.get('both')).toEqual({ body: text('333'), etag: put.etag });
      expect(await store.replace('both', text('x'), replaced.replaced ? replaced.etag : '')).toEqual({ replaced: false });
    });

    test('replace creates nothing', async () => {
      expect(await store.replace('never', text('x'), '"00000000000000000000000000000000"')).toEqual({ replaced: false });
      expect(await store.head('never')).toBeUndefined();
    });

    test.each([2, 16])('of %i writers at once exactly one creates, and then exactly one replaces', async (writers) => {
      for (let round = 0; round < 10; round++) {
        const key = `race/${writers}/${round}`;
        const bodies = Array.from({ length: writers }, (_, index) => text(`writer ${index}`));
        const created = await Promise.all(bodies.map((body, index) => (index % 2 ? other : store).putIfAbsent(key, body)));
        expect(created.filter((answer) => answer.created)).toHaveLength(1);
        const found = (await store.get(key))!;
        expect(found.body).toEqual(bodies[created.findIndex((answer) => answer.created)]);

        const replaced = await Promise.all(
          bodies.map((body, index) => (index % 2 ? other : store).replace(key, Buffer.concat([body, body]), found.etag)),
        );
        expect(replaced.filter((answer) => answer.replaced)).toHaveLength(1);
        const winner = bodies[replaced.findIndex((answer) => answer.replaced)]!;
        expect((await other.get(key))!.body).toEqual(Buffer.concat([winner, winner]));
      }
    });

    test('no increment of a counter is lost', async () => {
      await store.put('counter', text('0'));
      const increment = async (client: ObjectStore) => {
        for (;;) {
          const found = (await client.get('counter'))!;
          const next = text(String(Number(found.body.toString()) + 1));
          if ((await client.replace('counter', next, found.etag)).replaced) return;
        }
      };
      await Promise.all(
        Array.from({ length: 6 }, async (_, index) => {
          for (let i = 0; i < 5; i++) await increment(index % 2 ? other : store);
        }),
      );
      expect((await store.get('counter'))!.body.toString()).toBe('30');
    });

    test('the probe finds them working, every time', async () => {
      await store.probe();
      await other.probe();
    });
  });

  describe('listing', () => {
    test('is in code-point order of whole keys, and takes any beginning of a key', async () => {
      const keys = ['b', 'a/b', 'a-b', 'a0', 'a.c', 'a/b-c/x', 'a/b0', 'a/d/e/f', 'z～', 'z🙂', 'Z', 'é'].map((key) => `order/${key}`);
      for (const key of keys) await store.put(key, text(key));
      const sorted = [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      expect(await keysOf(store, 'order/')).toEqual(sorted);
      for (const prefix of ['order', 'order/a', 'order/a/', 'order/a/b', 'order/a/d/e', 'order/z', 'order/a/b-c/x', 'order/none', 'other/'])
        expect(await keysOf(store, prefix)).toEqual(sorted.filter((key) => key.startsWith(prefix)));
      const all = await keysOf(store, '');
      expect(all).toEqual([...all].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
      expect(all).toEqual(expect.arrayContaining(sorted));
    });

    test('goes over more objects than one page', async () => {
      const keys = Array.from({ length: 1_050 }, (_, index) => `many/${String(index).padStart(5, '0')}`);
      const left = [...keys];
      await Promise.all(
        Array.from({ length: 16 }, async () => {
          for (let key = left.pop(); key; key = left.pop()) await store.put(key, text('x'));
        }),
      );
      expect(await keysOf(store, 'many/')).toEqual(keys);
    });

    test('of folders tells each name once that has objects below it, however deep', async () => {
      const keys = ['a/1', 'a/2', 'a/b/3', 'a-b/1', 'ab/x/y/z', 'a🙂/1', 'a～/1', 'alone', 'gone/1'];
      for (const key of keys) await store.put(`below/${key}`, text(key));
      await store.delete('below/gone/1');
      expect(await foldersOf(store, 'below/')).toEqual(['a-b', 'a', 'ab', 'a～', 'a🙂']);
      expect(await foldersOf(store, 'below/a/')).toEqual(['b']);
      expect(await foldersOf(store, 'below/none/')).toEqual([]);
      expect(await foldersOf(store, '')).toContain('below');
      expect(await foldersOf(store, 'many/')).toEqual([]);
      for (const folder of ['below', '../', '/']) await expect(foldersOf(store, folder)).rejects.toMatchObject({ code: 'USAGE' });
    });

    test('may be left early', async () => {
      for await (const { key } of store.list('order/')) {
        expect(key).toBe('order/Z');
        break;
      }
    });
  });

  describe('an aborted signal', () => {
    const reason = new Error('enough');
    const signal = AbortSignal.abort(reason);

    test('rejects with its reason, and nothing is written', async () => {
      const { etag } = await store.put('aborted', text('before'));
      await expect(store.get('aborted', { signal })).rejects.toBe(reason);
      await expect(store.stream('aborted', { signal })).rejects.toBe(reason);
      await expect(store.head('aborted', { signal })).rejects.toBe(reason);
      await expect(store.put('aborted', text('after'), { signal })).rejects.toBe(reason);
      await expect(store.upload('aborted', text('after'), { signal })).rejects.toBe(reason);
      await expect(store.replace('aborted', text('after'), etag, { signal })).rejects.toBe(reason);
      await expect(store.putIfAbsent('aborted-new', text('after'), { signal })).rejects.toBe(reason);
      await expect(store.list('', { signal })[Symbol.asyncIterator]().next()).rejects.toBe(reason);
      await expect(store.folders('', { signal })[Symbol.asyncIterator]().next()).rejects.toBe(reason);
      await expect(store.leftovers({ signal })[Symbol.asyncIterator]().next()).rejects.toBe(reason);
      expect((await store.get('aborted'))!.body.toString()).toBe('before');
      expect(await store.head('aborted-new')).toBeUndefined();
    });

    test('ends a stream that is being read', async () => {
      await store.put('long', randomBytes(3_000_000));
      const controller = new AbortController();
      const stream = (await store.stream('long', { signal: controller.signal }))!;
      const reading = (async () => {
        for await (const _chunk of stream) controller.abort(reason);
      })();
      await expect(reading).rejects.toThrow();
    });
  });

  test('writers that were not killed leave nothing over, and removing what is gone is no error', async () => {
    await store.put('left/put', text('x'));
    await store.upload('left/upload', randomBytes(20_000_000));
    const { etag } = await store.put('left/swapped', text('x'));
    await store.replace('left/swapped', text('y'), etag);
    expect(await leftoversOf(store)).toEqual([]);
    await store.removeLeftover({ key: 'left/.showtell-tmp-1', id: 'gone', bytes: 0, lastModified: new Date() });
  });

  test('the address has no secret', () => {
    expect(store.url).toMatch(/^(file:\/\/\/|s3:\/\/)[\w/.-]+$/);
  });
}
