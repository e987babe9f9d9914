import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeFeatureRows } from '@showtell/shared/arrow/feature-rows';
import { sha256 } from '@showtell/shared/hash';
import { keys } from '@showtell/shared/keys';
import { FileStore } from '@showtell/shared/object-store/file';
import { encodeRecord } from '@showtell/shared/schema/record';
import { openBase, takeOver } from '../../src/admin/base-run';
import { type CommittedRun, DIMENSION, planRow, writeCommittedRun } from '../committed-run';

const folder = mkdtempSync(join(tmpdir(), 'showtell-base-run-'));
afterAll(() => rmSync(folder, { recursive: true }));

const samples = Array.from({ length: 9 }, (_, image) => planRow(image + 1));
const dataset = { splits: [{ split: 'train', samples, captions: [] }] };

let name = 0;
let store: FileStore;
let base: CommittedRun;
beforeEach(async () => {
  store = new FileStore(join(folder, String(name++)));
  base = await writeCommittedRun(store, 'base');
});

/** Image ids that are left to plan, and what is taken over. */
async function take() {
  const found = await openBase(store, { ...base.run.request, run: 'next', base: 'base' });
  const { left, base: taken } = await takeOver(store, found, dataset);
  return { left: left.get('train')!.map(({ imageId }) => imageId), shards: taken.shards };
}

test('all that is in the bodies is taken over; what was rejected is left to plan', async () => {
  expect(await take()).toEqual({ left: ['9'], shards: base.shards.map((shard) => ({ ...shard, rejected: 0 })) });
});

test.each(['encoded again since', 'waiting to be encoded again', 'damaged'])(
  'a body of which the record is %s holds what is in it, and nothing that is in another one',
  async (what) => {
    const commit = base.commits[2]!;
    const key = keys.commit('base', 2);
    await store.delete(key);
    // The ninth photo came through this time, and the seventh did not.
    const rows = [8, 9].map((image) => ({ ...planRow(image), feature: new Float32Array(DIMENSION) }));
    const body = encodeFeatureRows(rows, DIMENSION);
    const again = { ...commit, key: keys.shard('base', 2, sha256(body)), sha256: sha256(body), bytes: body.length };
    const rejected = [{ imageId: '7', code: 'TRUNCATED', reason: 'It ends early' }];
    if (what === 'encoded again since') {
      await store.put(again.key, body);
      await store.put(key, encodeRecord({ ...again, rejected }));
    }
    if (what === 'damaged') await store.put(key, Buffer.from('{'));
    const taken = take();
    if (what === 'damaged') return expect(taken).rejects.toMatchObject({ code: 'CORRUPT_OBJECT', message: expect.stringContaining(key) });
    return expect(await taken).toEqual({ left: ['9'], shards: base.shards.map((shard) => ({ ...shard, rejected: 0 })) });
  },
);

test.each([
  ['shorter', (body: Buffer) => body.subarray(1)],
  ['gone', () => undefined],
])('a body that is %s is nothing to build on', async (_what, damage) => {
  const { key } = base.commits[1]!;
  const damaged = damage((await store.get(key))!.body);
  if (damaged) await store.put(key, damaged);
  else await store.delete(key);
  await expect(take()).rejects.toMatchObject({
    code: 'CORRUPT_SHARD',
    message: expect.stringContaining(`bytes at ${key}, which the run base is made of, but found`),
    hint: 'Mend it first: showtell verify base --repair.',
  });
});
