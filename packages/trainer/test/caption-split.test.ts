import { keys } from '@showtell/shared/keys';
import { encodeRecord } from '@showtell/shared/schema/record';
import { captionSplit } from '../src/caption-split';
import { resolveModel } from '../src/checkpoint/model-name';
import { freezeTraining } from '../src/train/freeze';
import { train } from '../src/train/train';
import { openFileStore, temporaryFolder } from './temporary-store';
import { TINY, tinyCaption, writeTinyRun } from './tiny-run';

const folder = temporaryFolder();
const store = openFileStore(folder.path);
beforeAll(async () => {
  await writeTinyRun(store);
  await freezeTraining(store, { run: 'tiny', preset: 'seed', hyperparameters: { ...TINY, epochs: 15 } });
  await train(store, 'tiny-seed', { holder: 'test', threads: 1 });
});
afterAll(async () => {
  await store.close();
  folder.remove();
});

test('pictures that it was not trained on get captions that fit', async () => {
  const checkpoint = await resolveModel(store, 'tiny-seed');
  const captioned = await captionSplit(store, checkpoint, { run: 'tiny', split: 'val', threads: 1 });
  expect(captioned.map(({ imageId }) => imageId)).toEqual(Array.from({ length: 12 }, (_, index) => String(100 + index)));
  const right = captioned.filter(({ imageId, caption }) => caption.replace(/ today$/, '') === tinyCaption(Number(imageId)));
  expect(right.length).toBeGreaterThanOrEqual(11);
  for (const { logProbability } of captioned) expect(logProbability).toBeLessThan(0);
});

test('features of another encoder are refused', async () => {
  const manifest = await writeTinyRun(store, 'other');
  const encoder = { ...manifest.encoder, precision: 'int8' };
  await store.put(keys.manifest('other', 1), encodeRecord({ ...manifest, encoder }));
  const checkpoint = await resolveModel(store, 'tiny-seed');
  await expect(captionSplit(store, checkpoint, { run: 'other', split: 'val' })).rejects.toMatchObject({
    code: 'MIXED_ENCODER',
    message: expect.stringContaining('precision: "float32" there, "int8" asked for'),
  });
});
