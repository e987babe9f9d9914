import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TEMPORARY_PREFIX } from '@showtell/shared/object-store/durable-files';
import { FileStore } from '@showtell/shared/object-store/file';
import { describeStore, leftoversOf } from './contract';

async function newFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'showtell-store-'));
}

const filesOf = async (folder: string) => (await readdir(folder, { recursive: true })).sort();

describe('FileStore, as every store', () => {
  describeStore(async () => {
    const folder = await newFolder();
    return {
      store: new FileStore(join(folder, 'store')),
      other: new FileStore(join(folder, 'store')),
      stop: () => rm(folder, { recursive: true }),
    };
  });
});

describe('FileStore', () => {
  let folder: string;
  let store: FileStore;
  beforeEach(async () => {
    folder = await newFolder();
    store = new FileStore(folder);
  });
  afterEach(() => rm(folder, { recursive: true }));

  const listed = async (prefix = '') => {
    const keys: string[] = [];
    for await (const { key } of store.list(prefix)) keys.push(key);
    return keys;
  };

  test('keeps an object as a plain file of its key, also when it was replaced', async () => {
    const { etag } = await store.put('a/b.json', Buffer.from('1'));
    await store.replace('a/b.json', Buffer.from('2'), etag);
    const plain = new FileStore(join(folder, 'a'));
    expect((await plain.get('b.json'))!.body.toString()).toBe('2');
    await rm(join(folder, 'a', '.showtell-versions'), { recursive: true });
    expect((await store.get('a/b.json'))!.body.toString()).toBe('2');
  });

  test('reads any folder of files, through links too, but not round and round', async () => {
    await mkdir(join(folder, 'photos', 'train'), { recursive: true });
    await writeFile(join(folder, 'photos', 'train', '1.jpg'), 'one');
    await symlink(join(folder, 'photos', 'train'), join(folder, 'photos', 'val'));
    await symlink('1.jpg', join(folder, 'photos', 'train', '2.jpg'));
    await symlink(folder, join(folder, 'photos', 'up'));
    await symlink('nowhere', join(folder, 'photos', 'broken'));
    expect(await listed()).toEqual(['photos/train/1.jpg', 'photos/train/2.jpg', 'photos/val/1.jpg', 'photos/val/2.jpg']);
    expect((await store.get('photos/val/2.jpg'))!.body.toString()).toBe('one');
  });

  if (process.platform !== 'win32')
    test('a pipe in the place of an object is none, and nobody waits for its writer', async () => {
      execFileSync('mkfifo', [join(folder, 'pipe')]);
      expect([await store.get('pipe'), await store.head('pipe'), await store.stream('pipe')]).toEqual([undefined, undefined, undefined]);
      expect(await listed()).toEqual([]);
    });

  test.each(['a//b', 'a/', '.showtell-tmp-1', 'a/.showtell-versions/b/2'])('refuses the key %j', async (key) => {
    await expect(store.put(key, Buffer.from('x'))).rejects.toMatchObject({ code: 'USAGE' });
    await expect(store.get(key)).rejects.toMatchObject({ code: 'USAGE' });
  });

  test('what a killed process left behind is no object', async () => {
    await store.put('a/b', Buffer.from('x'));
    await writeFile(join(folder, 'a', `${TEMPORARY_PREFIX}1-dead`), 'half');
    expect(await listed()).toEqual(['a/b']);
    expect(await listed('a/.s')).toEqual([]);
  });

  test('leftovers are the temporary files, and nothing else can be removed as one', async () => {
    await store.put('a/b', Buffer.from('x'));
    await store.replace('a/b', Buffer.from('y'), (await store.head('a/b'))!.etag);
    await writeFile(join(folder, 'a', `${TEMPORARY_PREFIX}1-dead`), 'half');
    await writeFile(join(folder, `${TEMPORARY_PREFIX}2-dead`), '');
    const found = await leftoversOf(store);
    expect(new Map(found.map(({ key, bytes }) => [key, bytes]))).toEqual(
      new Map<string, number>([
        [`${TEMPORARY_PREFIX}2-dead`, 0],
        [`a/${TEMPORARY_PREFIX}1-dead`, 4],
      ]),
    );
    await store.removeLeftover({ ...found[0]!, key: 'a/b' });
    for (const leftover of found) await store.removeLeftover(leftover);
    expect(await leftoversOf(store)).toEqual([]);
    expect((await store.get('a/b'))!.body.toString()).toBe('y');
  });

  test('leaves no temporary file behind when a write fails or is aborted', async () => {
    await store.put('a', Buffer.from('x'));
    await expect(store.put('a/b', Buffer.from('x'))).rejects.toMatchObject({ code: 'STORE_DENIED', retryable: false });
    await mkdir(join(folder, 'taken'));
    await expect(store.put('taken', Buffer.from('x'))).rejects.toMatchObject({ code: 'STORE_DENIED' });
    const controller = new AbortController();
    const put = store.put('aborted', Buffer.alloc(2 ** 24), { signal: controller.signal });
    const reason = new Error('enough');
    setImmediate(() => controller.abort(reason));
    await expect(put).rejects.toBe(reason);
    expect(await store.putIfAbsent('a', Buffer.from('y'))).toEqual({ created: false });
    expect(await filesOf(folder)).toEqual(['a', 'taken']);
  });

  test('keeps few versions of what is replaced often', async () => {
    let { etag } = await store.put('lease', Buffer.from('0'));
    for (let i = 1; i <= 60; i++) {
      const answer = await store.replace('lease', Buffer.from(String(i)), etag);
      if (!answer.replaced) throw new Error(`Replacement ${i} was refused`);
      ({ etag } = answer);
    }
    expect((await store.get('lease'))!.body.toString()).toBe('60');
    expect((await filesOf(folder)).length).toBeLessThan(25);
  });

  test('a file in place of its folder is no empty store', async () => {
    await writeFile(join(folder, 'file'), '');
    const names = async () => {
      for await (const name of new FileStore(join(folder, 'file')).folders('runs/'))
        throw new Error(`Expected nothing but received ${name}`);
    };
    await expect(names()).rejects.toMatchObject({ code: 'STORE_DENIED', message: expect.stringContaining('ENOTDIR') as string });
  });

  test('of several processes one creates, one replaces, and no increment is lost', async () => {
    const processes = 4;
    const rounds = 25;
    await store.put('counter', Buffer.from('0'));
    const children = Array.from({ length: processes }, () => fork(join(__dirname, 'file-racer.cjs'), [folder, String(rounds)]));
    // All are up before one begins.
    await Promise.all(children.map((child) => once(child, 'message')));
    const results = children.map((child) => once(child, 'message') as Promise<[{ created: number[]; incremented: number }]>);
    for (const child of children) child.send('go');
    const counts = (await Promise.all(results)).map(([result]) => result);
    await Promise.all(children.filter((child) => child.exitCode === null).map((child) => once(child, 'exit')));

    const created = counts.flatMap((count) => count.created).sort((a, b) => a - b);
    expect(created).toEqual(Array.from({ length: rounds }, (_, round) => round));
    expect(counts.map((count) => count.incremented)).toEqual(Array.from({ length: processes }, () => rounds));
    expect((await store.get('counter'))!.body.toString()).toBe(String(processes * rounds));
    expect((await filesOf(folder)).filter((name) => name.includes(TEMPORARY_PREFIX))).toEqual([]);
  });

  test('a process killed while writing leaves whole objects only', async () => {
    const child = fork(join(__dirname, 'file-racer.cjs'), [folder, 'write']);
    await once(child, 'message');
    child.send('go');
    for (const last = Date.now() + 10_000; (await listed()).length < 5 && Date.now() < last; );
    child.kill('SIGKILL');
    await once(child, 'exit');
    const keys = await listed();
    expect(keys.length).toBeGreaterThanOrEqual(5);
    for (const key of keys) expect((await store.get(key))!.body.length).toBe(200_000);
  });
});
