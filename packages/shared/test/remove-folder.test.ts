import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256 } from '../src/hash';
import { keys } from '../src/keys';
import { FileStore } from '../src/object-store/file';
import { type RemoveFolderOptions, removeFolder } from '../src/remove-folder';

const folder = mkdtempSync(join(tmpdir(), 'showtell-remove-folder-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Tells in which order it was asked to delete, and may do more with each. */
class Watched extends FileStore {
  readonly deleted: string[] = [];
  beside: (key: string) => Promise<unknown> = async () => {};

  override async delete(key: string): Promise<void> {
    await super.delete(key);
    this.deleted.push(key);
    await this.beside(key);
  }
}

const store = new Watched(folder);
const order: RemoveFolderOptions['order'] = [['manifest'], ['commit'], ['shard'], ['run']];
const remove = (more: Partial<RemoveFolderOptions> = {}) => removeFolder(store, 'runs/a/', { order, ...more });
const shard = keys.shard('a', 0, sha256('0'));
const manifests = [1, 2, 9, 10].map((number) => keys.manifest('a', number));

beforeEach(async () => {
  store.beside = async () => {};
  for (const key of [keys.runJson('a'), shard, keys.commit('a', 0), 'runs/a/notes.txt', 'runs/ab/run.json', ...manifests])
    await store.put(key, Buffer.from('12345'));
  store.deleted.length = 0;
});

test('kinds go in their order, what is of none first, and of manifests the newest last: no older one is ever the newest', async () => {
  expect(await remove()).toEqual({ count: 8, bytes: 40 });
  expect(store.deleted).toEqual(['runs/a/notes.txt', ...manifests, keys.commit('a', 0), shard, keys.runJson('a')]);
  expect(await store.head('runs/ab/run.json')).toBeDefined();
});

test('what is to be kept stays, and what somebody writes meanwhile goes', async () => {
  store.beside = async (key) =>
    key === shard && !store.deleted.includes('runs/a/late.txt') && store.put('runs/a/late.txt', Buffer.from('1'));
  expect(await remove({ keep: ['run'] })).toEqual({ count: 8, bytes: 36 });
  expect(await store.head('runs/a/late.txt')).toBeUndefined();
  expect(await store.head(keys.runJson('a'))).toBeDefined();
});

test('somebody who goes on writing is told of', async () => {
  store.beside = () => store.put('runs/a/again.txt', Buffer.from('1'));
  await expect(remove()).rejects.toMatchObject({ code: 'RUN_LOCKED', message: 'Somebody is still writing objects under runs/a/' });
});
