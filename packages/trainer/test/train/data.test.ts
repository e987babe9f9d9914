import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { newestCheckpoint, readCheckpointFiles } from '../../src/checkpoint/checkpoints';
import { TRAINER_FILES } from '../../src/checkpoint/files';
import { captionOf } from '../../src/dataset/samples';
import { loadTrainingData } from '../../src/train/data';
import type { TrainEvent } from '../../src/train/events';
import { freezeTraining, type TrainingRequest } from '../../src/train/freeze';
import { train } from '../../src/train/train';
import { temporaryFolder, temporaryStore } from '../temporary-store';
import { DIMENSION, ENCODER, TINY, tinyCaption, writeTinyRun } from '../tiny-run';

const folder = temporaryFolder();
const store = temporaryStore(folder);
beforeAll(async () => {
  await writeTinyRun(store);
  // Images of the same ids, of which the captions say that they are others.
  await writeTinyRun(store, 'twin', 1, { captions: (image) => [`${tinyCaption(image)} at night`] });
  await writeTinyRun(store, 'karpathy', 1, {
    shards: [
      ['train', 0, 10],
      ['restval', 10, 10],
      ['restval', 20, 7],
      ['val', 100, 6],
    ],
  });
  await writeTinyRun(store, 'long', 1, { captions: () => ['one two three four five six seven eight nine'] });
  await writeTinyRun(store, 'foreign', 1, { captions: (image) => [`bild nummer ${image}`] });
  await writeTinyRun(store, 'int8', 1, { encoder: { ...ENCODER, precision: 'int8' } });
});

let trainings = 0;
async function freeze(request: Omit<TrainingRequest, 'training'>) {
  const training = `data-${trainings++}`;
  return (await freezeTraining(store, { ...request, training, hyperparameters: { ...TINY, ...request.hyperparameters } })).record;
}
const load = async (request: Omit<TrainingRequest, 'training'>, featureMemory = 1e9) =>
  loadTrainingData(store, await freeze(request), { featureMemory, vocabulary: undefined });

test('several runs in one training: images of the same id keep their own captions and features', async () => {
  const { train: samples, vocabulary, features } = await load({ runs: ['tiny', 'twin'] });
  const caption = (sample: number) => vocabulary.decode(captionOf(samples, sample)).join(' ');
  expect(samples.rows).toHaveLength(66 + 33);
  expect([...samples.rows.slice(0, 3), ...samples.rows.slice(66, 69)]).toEqual([0, 0, 1, 33, 34, 35]);
  expect([caption(64), caption(66 + 32)]).toEqual([tinyCaption(32), `${tinyCaption(32)} at night`]);
  const found = await features.gather([32, 33 + 32]);
  expect(found.slice(0, DIMENSION)).toEqual(found.slice(DIMENSION));
  expect(Math.round(found[2]!)).toBe(1);
});

test("Karpathy's splits: train and restval are trained on together, and validated on val", async () => {
  const {
    train: samples,
    validation,
    features,
  } = await load({ runs: ['karpathy'], trainSplits: [{ split: 'train' }, { split: 'restval' }] });
  expect(new Set(samples.rows)).toEqual(new Set(Array.from({ length: 27 }, (_, row) => row)));
  expect(validation!.images.map(({ row, references }) => [row, references.length])).toEqual(
    [27, 28, 29, 30, 31, 32].map((row) => [row, 2]),
  );
  expect([features.shards, features.rowsOf(2)]).toEqual([4, 7]);
});

test("validation on another run's split", async () => {
  const { validation, vocabulary } = await load({ runs: ['tiny'], validationSplits: [{ run: 'twin', split: 'val' }] });
  expect(validation!.images).toHaveLength(12);
  expect(validation!.images[0]!.references).toEqual([`${tinyCaption(100)} at night`]);
  // Its words are no words of the vocabulary for that.
  expect(vocabulary.toJSON().words).not.toContain('night');
});

test.each<[string, Omit<TrainingRequest, 'training'>, RegExp]>([
  [
    'captions all longer than the limit',
    { runs: ['long'] },
    /long:train left no caption to work with: 33 of more than 8 words, 0 without words, 0 of images/,
  ],
  [
    'captions to validate on all longer than the limit',
    { runs: ['tiny'], validationSplits: [{ run: 'long', split: 'val' }] },
    /long:val left no caption/,
  ],
  [
    'unknown words only',
    { runs: ['tiny'], hyperparameters: { minWordCount: 100 } },
    /tiny:train: no word is known, since none occurs 100 times in the training captions/,
  ],
  [
    'unknown words only to validate on',
    { runs: ['tiny'], validationSplits: [{ run: 'foreign', split: 'val' }] },
    /foreign:val: no word is known, since none occurs in the training captions/,
  ],
])('%s', async (_what, request, message) => {
  await expect(load(request)).rejects.toMatchObject({ code: 'EMPTY_DATASET', exitCode: 3, message: expect.stringMatching(message) });
});

test('an empty split is refused before anything is frozen', async () => {
  await writeTinyRun(store, 'bare', 1, { captions: () => [] });
  await expect(freeze({ runs: ['bare'] })).rejects.toMatchObject({
    code: 'NOT_FOUND',
    exitCode: 2,
    message: expect.stringContaining('"train"'),
  });
});

test.each<[string, Omit<TrainingRequest, 'training'>]>([
  ['to train on', { runs: ['tiny', 'int8'] }],
  ['to validate on', { runs: ['tiny'], validationSplits: [{ run: 'int8', split: 'val' }] }],
])('features of two encoders %s are never mixed', async (_what, request) => {
  await expect(freeze(request)).rejects.toMatchObject({
    code: 'MIXED_ENCODER',
    exitCode: 6,
    message: expect.stringMatching(/run tiny and run int8 [^]*precision: "float32" in run tiny, "int8" in run int8/),
    hint: expect.stringContaining('--precision'),
  });
});

test.each([
  ['shuffled as a whole', {}],
  ['shuffled in windows', { shuffleWindow: 10 }],
])('the memory for features changes nothing but what is read again: %s', async (_what, hyperparameters) => {
  const results = [];
  for (const featureMemory of [1e9, 2_000, 0]) {
    const { training } = await freeze({ runs: ['tiny', 'twin'], hyperparameters });
    const events: TrainEvent[] = [];
    await train(store, training, { holder: training, threads: 1, featureMemory, onEvent: (event) => events.push(event) });
    const { 'training.json': _, ...files } = await readCheckpointFiles(store, (await newestCheckpoint(store, training))!, TRAINER_FILES);
    const losses = events.flatMap((event) => (event.event === 'step' ? [event.loss] : []));
    results.push({ losses, files });
    expect(events[0]).toMatchObject({ event: 'start', featureMemory });
  }
  expect(results[1]).toEqual(results[0]);
  expect(results[2]).toEqual(results[0]);
});

test('a shard that is damaged while a training runs is CORRUPT_SHARD and named', async () => {
  const { shards } = await writeTinyRun(store, 'fragile');
  const { training } = await freeze({ runs: ['fragile'] });
  const { key } = shards[1]!;
  const body = (await store.get(key))!.body;
  body[700]! ^= 1;
  const onEvent = (event: TrainEvent) => {
    if (event.event === 'step' && event.step === 12) writeFileSync(join(folder.path, key), body);
  };
  await expect(train(store, training, { holder: 'fragile', threads: 1, featureMemory: 0, onEvent })).rejects.toMatchObject({
    code: 'CORRUPT_SHARD',
    exitCode: 6,
    message: expect.stringContaining(key),
  });
  expect((await newestCheckpoint(store, training))!.record.step).toBe(9);
});
