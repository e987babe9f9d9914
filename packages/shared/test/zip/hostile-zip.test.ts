import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as fc from 'fast-check';
import { type ZipMember, zipFile } from '../../../../bench/src/zip-writer';
import { isShowtellError } from '../../src/errors';
import { openStore } from '../../src/object-store/open';
import { readDirectory } from '../../src/zip/directory';
import { readEntry } from '../../src/zip/read-entry';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'showtell-zip-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const BODIES = ['one one one one one', 'two', ''];
const archive = (more: Partial<ZipMember>, zip64 = false) =>
  zipFile(
    BODIES.map((body, index) => ({ name: `val2017/${index}.jpg`, body: Buffer.from(body), ...more })),
    { zip64 },
  );
const number = fc.oneof(fc.nat(64), fc.nat(0xffff), fc.constantFrom(0x7fff, 0x8000, 0xffff));
const changes = fc.array(fc.tuple(fc.nat(2_000), number), { minLength: 1, maxLength: 4 });

test.each<[string, Buffer]>([
  ['stored', archive({})],
  ['deflated, with sizes behind', archive({ method: 8, descriptor: true })],
  ['large', archive({ zip64: true, method: 8 }, true)],
])('of an archive (%s) with some numbers changed the bytes are read that were written, or it is refused', async (_name, whole) => {
  const store = openStore(pathToFileURL(folder).href);
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(changes, async (numbers) => {
      const changed = Buffer.from(whole);
      for (const [place, value] of numbers) changed.writeUInt16LE(value, place % (changed.length - 1));
      await writeFile(join(folder, 'a.zip'), changed);
      const info = (await store.head('a.zip'))!;
      try {
        for await (const entry of readDirectory(store, info)) {
          const bytes = await readEntry(store, info, entry);
          expect(bytes.length).toBe(entry.bytes);
          // Whoever changes bytes and checksum alike has written another photo; by chance nobody does.
          expect(BODIES).toContain(bytes.toString());
        }
      } catch (error) {
        if (!isShowtellError(error) || error.code === 'BUG') throw error;
        refused++;
      }
    }),
    { numRuns: 150 },
  );
  expect(refused).toBeGreaterThan(50);
  await store.close();
});
