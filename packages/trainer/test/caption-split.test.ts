import { keys } from '@showtell/shared/keys';
import { newestManifest } from '@showtell/shared/manifests';
import { encodeSafetensors } from '@showtell/shared/safetensors';
import type { EncoderIdentity } from '@showtell/shared/schema/encoder-identity';
import { encodeRecord } from '@showtell/shared/schema/record';
import { type CaptionedImage, type CaptionSplitOptions, captionSplit } from '../src/caption-split';
import { openModel } from '../src/checkpoint/open-model';
import { pullCheckpoint } from '../src/checkpoint/pull';
import { temporaryFolder, temporaryStore } from './temporary-store';
import { ENCODER, tinyCaption, writeTinyRun } from './tiny-run';
import { writeTinyTraining } from './tiny-training';

const folder = temporaryFolder();
const store = temporaryStore(folder);
beforeAll(() => writeTinyTraining(store));

async function captionsOf(model: string, run: string, options: Partial<CaptionSplitOptions> = {}): Promise<CaptionedImage[]> {
  const { manifest } = await newestManifest(store, run);
  const captioned: CaptionedImage[] = [];
  for await (const image of captionSplit(store, await openModel(store, model), { manifest, split: 'val', threads: 1, ...options }))
    captioned.push(image);
  return captioned;
}

test('pictures that it was not trained on get captions that fit', async () => {
  const captioned = await captionsOf('tiny-seed', 'tiny');
  expect(captioned.map(({ imageId }) => imageId)).toEqual(Array.from({ length: 12 }, (_, index) => String(100 + index)));
  const right = captioned.filter(({ imageId, caption }) => caption.replace(/ today$/, '') === tinyCaption(Number(imageId)));
  expect(right.length).toBeGreaterThanOrEqual(11);
  for (const { logProbability, ended, shard } of captioned) {
    expect(logProbability).toBeLessThan(0);
    expect(ended).toBe(true);
    expect(shard).toBe(2);
  }
});

test('every shard of a split, in manifest order, by a pulled folder as by the store', async () => {
  const { path } = await pullCheckpoint(store, 'tiny-seed', `${folder.path}/pulled`);
  const captioned = await captionsOf(path, 'tiny', { split: 'train' });
  expect(captioned.map(({ imageId }) => imageId)).toEqual(Array.from({ length: 33 }, (_, index) => String(index)));
  expect(captioned.map(({ shard }) => shard)).toEqual([...Array<number>(20).fill(0), ...Array<number>(13).fill(1)]);
  expect(await captionsOf('tiny-seed', 'tiny', { split: 'train' })).toEqual(captioned);
});

test('other settings of decoding stand in place of the checkpoint’s', async () => {
  const [cut] = await captionsOf('tiny-seed', 'tiny', { decoding: { maxLength: 2 } });
  expect(cut).toMatchObject({ caption: expect.stringMatching(/^\S+ \S+$/), ended: false });
});

/** The same features, said to be another encoder's. */
async function writeRunOf(run: string, encoder: Partial<EncoderIdentity>): Promise<void> {
  const manifest = await writeTinyRun(store, run);
  await store.put(keys.manifest(run, 1), encodeRecord({ ...manifest, encoder: { ...manifest.encoder, ...encoder } }));
}

describe('features of another encoder', () => {
  test('are refused, with the differences and what to do', async () => {
    await writeRunOf('other', { weightsSha256: 'b'.repeat(64) });
    for (const anyPrecision of [false, true])
      await expect(captionsOf('tiny-seed', 'other', { anyPrecision })).rejects.toMatchObject({
        code: 'MIXED_ENCODER',
        message: expect.stringContaining(`weightsSha256: "${ENCODER.weightsSha256}" in the checkpoint, "${'b'.repeat(64)}" in the run`),
        hint: expect.stringContaining('showtell enqueue'),
      });
  });

  test('in another precision pass where that is asked for', async () => {
    await writeRunOf('half', { precision: 'float16' });
    await expect(captionsOf('tiny-seed', 'half')).rejects.toMatchObject({
      code: 'MIXED_ENCODER',
      hint: expect.stringContaining('--any-precision'),
    });
    const own = (await captionsOf('tiny-seed', 'tiny')).map((image) => ({ ...image, run: 'half' }));
    expect(await captionsOf('tiny-seed', 'half', { anyPrecision: true })).toEqual(own);
  });

  test('in int8 pass where their weights were made of the checkpoint’s', async () => {
    for (const [run, source] of [
      ['own-int8', ENCODER.weightsSha256],
      ['foreign-int8', 'c'.repeat(64)],
    ] as const) {
      const weightsSha256 = (run === 'own-int8' ? 'd' : 'e').repeat(64);
      await store.put(keys.weights(weightsSha256), encodeSafetensors([], { precision: 'int8', source }));
      await writeRunOf(run, { precision: 'int8', weightsSha256 });
    }
    await expect(captionsOf('tiny-seed', 'own-int8')).rejects.toMatchObject({ code: 'MIXED_ENCODER' });
    expect(await captionsOf('tiny-seed', 'own-int8', { anyPrecision: true })).toHaveLength(12);
    await expect(captionsOf('tiny-seed', 'foreign-int8', { anyPrecision: true })).rejects.toMatchObject({ code: 'MIXED_ENCODER' });
  });
});

test('a split that the run has not', async () => {
  await expect(captionsOf('tiny-seed', 'tiny', { split: 'tset' })).rejects.toMatchObject({
    code: 'NOT_FOUND',
    message: expect.stringContaining('there are: train, val'),
  });
});
