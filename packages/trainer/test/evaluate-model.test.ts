import { encodeCaptionRows } from '@showtell/shared/arrow/caption-rows';
import { sha256 } from '@showtell/shared/hash';
import { keys } from '@showtell/shared/keys';
import { encodeRecord } from '@showtell/shared/schema/record';
import { openModel } from '../src/checkpoint/open-model';
import { pullCheckpoint } from '../src/checkpoint/pull';
import { type EvaluateModelOptions, evaluateModel, scoresOf } from '../src/evaluate-model';
import { decodeScoresFile, encodeScoresFile } from '../src/evaluation/evaluation-files';
import { openFileStore, temporaryFolder, temporaryStore } from './temporary-store';
import { tinyCaption, writeTinyRun } from './tiny-run';
import { writeTinyTraining } from './tiny-training';

const folder = temporaryFolder();
const store = temporaryStore(folder);
beforeAll(() => writeTinyTraining(store));

const options = (more: Partial<EvaluateModelOptions> = {}) => ({ run: 'tiny', split: 'val', resamples: 200, threads: 1, ...more });
const evaluation = async (more?: Partial<EvaluateModelOptions>) => evaluateModel(store, await openModel(store, 'tiny-seed'), options(more));

test('a model that has learnt scores high, and says only what it was taught', async () => {
  const progress: [number, number][] = [];
  const result = await evaluation({ onProgress: (done, total) => progress.push([done, total]) });
  expect(result.metrics.CIDEr).toBeGreaterThan(2);
  expect(result.images).toHaveLength(12);
  expect(result.images[0]!.references).toEqual([tinyCaption(100), `${tinyCaption(100)} today`]);
  expect(result.captions).toMatchObject({ captions: 12, ended: 12, novel: 0, vocabulary: 9 });
  expect(progress.at(-1)).toEqual([12, 12]);
});

test('its file of scores comes back', async () => {
  const scores = scoresOf(await evaluation({ decoding: { beam: 2 } }));
  const file = encodeScoresFile(scores);
  expect((JSON.parse(file.toString()) as { images: { image_id: unknown }[] }).images[0]!.image_id).toBe(100);
  expect(decodeScoresFile(file, 'scores.json')).toEqual({ formatVersion: 1, ...scores });
  expect(scores).toMatchObject({
    training: 'tiny-seed',
    split: 'val',
    decoding: { beam: 2 },
    precision: { features: 'float32', training: 'float32' },
  });
});

test('only the first images, or those that have captions', async () => {
  const some = await evaluation({ limit: 5 });
  expect(some.captioned.map(({ imageId }) => imageId)).toEqual(['100', '101', '102', '103', '104']);
  const manifest = await writeTinyRun(store, 'sparse');
  const put = async (rows: { imageId: string; caption: string }[]) => {
    const body = encodeCaptionRows(rows);
    const key = keys.captions('sparse', 'val', sha256(body));
    await store.put(key, body);
    const captions = [{ split: 'val', rows: rows.length, key, bytes: body.length, sha256: sha256(body) }];
    await store.put(keys.manifest('sparse', 1), encodeRecord({ ...manifest, captions }));
  };
  await put([{ imageId: '103', caption: 'a cat' }]);
  const { images, captioned } = await evaluation({ run: 'sparse' });
  expect(images.map(({ imageId }) => imageId)).toEqual(['103']);
  expect(captioned).toHaveLength(12);
  await put([]);
  await expect(evaluation({ run: 'sparse' })).rejects.toMatchObject({
    code: 'EMPTY_DATASET',
    message: expect.stringContaining('split val of run sparse'),
  });
});

test('a pulled folder in a store that does not know its training tells no novelty', async () => {
  const { path } = await pullCheckpoint(store, 'tiny-seed', `${folder.path}/pulled`);
  const elsewhere = temporaryFolder();
  const other = openFileStore(elsewhere.path);
  await writeTinyRun(other, 'renamed');
  const { captions, metrics } = await evaluateModel(other, await openModel(other, path), options({ run: 'renamed' }));
  expect(captions.novel).toBeNull();
  expect(metrics).toEqual((await evaluation()).metrics);
  await other.close();
  elsewhere.remove();
});

test('what is not there, and settings that make no sense', async () => {
  await expect(openModel(store, 'tiny-seed:99999')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await expect(openModel(store, './tiny-seed')).rejects.toMatchObject({ code: 'NOT_FOUND', message: 'There is no folder ./tiny-seed' });
  await expect(evaluation({ run: 'absent' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await expect(evaluation({ split: 'test' })).rejects.toMatchObject({ code: 'NOT_FOUND', message: expect.stringContaining('train, val') });
  await expect(evaluation({ decoding: { beam: 0 } })).rejects.toMatchObject({ code: 'USAGE' });
});
