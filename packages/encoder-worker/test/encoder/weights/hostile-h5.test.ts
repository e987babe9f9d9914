import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { readKerasFile } from '../../../src/encoder/weights/keras-h5';
import { publishedLayout, writeKerasFiles } from '../../keras-file';
import { narrowTensors } from '../../narrow-weights';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'showtell-hostile-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const refusal = (message: string) =>
  expect.objectContaining({ code: 'WEIGHTS_INVALID', message: expect.stringContaining(message) as string });

/** Made with h5py, which writes what h5wasm does not; all but the first have 94 convolutions. */
test.each([
  ['dag', 'a group within twenty groups, fourteen times', 'it has more than 10000 groups and datasets'],
  ['many-1gb', 'numbers that were never written, 25 GB of them', 'expected at most 33554432 numbers'],
  ['huge-chunked', 'a dataset of 16 GB in pieces', 'expected at most 33554432 numbers'],
  ['gzip-bomb', '256 MB of zeros, packed', 'expected at most 33554432 numbers'],
  ['external-raw', 'numbers that lie in another file of the machine', 'unable to open external raw data file'],
  ['external-link', 'a dataset of another file', 'but found 93'],
  ['virtual', 'a dataset made of those of another file', 'expected shape [3, 3, 1, filters] for conv2d_2/kernel'],
  ['null', 'datasets without a value', 'but found none'],
  ['scalar', 'datasets of a single number', 'but found a single one'],
])('%s (%s) is refused', async (name, _what, message) => {
  const path = join(folder, `${name}.h5`);
  await writeFile(path, gunzipSync(await readFile(join(__dirname, 'hostile', `${name}.h5.gz`))));
  await expect(readKerasFile(path)).rejects.toEqual(refusal(message));
});

test('what takes too long is refused, and nothing of it goes on', async () => {
  const path = join(folder, 'slow.h5');
  await writeKerasFiles({ [path]: publishedLayout(narrowTensors(1)) });
  await expect(readKerasFile(path, { limit: 1 })).rejects.toEqual(refusal('took longer than 0.001 s'));
  expect((await readKerasFile(path)).convolutions).toHaveLength(94);
});
