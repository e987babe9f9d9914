import { keys } from '@showtell/shared/keys';
import { parseModelName, resolveModel } from '../../src/checkpoint/model-name';
import { publishCheckpoint } from '../../src/checkpoint/publish';
import { temporaryStore } from '../temporary-store';
import { saveTiny } from './tiny-checkpoint';

const store = temporaryStore();
const publisher = { leaseEpoch: 1, by: 'test', best: null };
beforeAll(async () => {
  for (const training of ['pets', 'blind', 'empty']) await store.put(keys.trainingJson(training), Buffer.from('{}'));
  for (const [step, validationLoss] of [
    [1, 0.9],
    [2, 0.4],
    [3, 0.6],
  ] as const)
    await publishCheckpoint(store, await saveTiny(store, 'pets', step, { validationLoss }), {
      ...publisher,
      best: step === 3 ? null : { metric: { name: 'validationLoss', value: validationLoss }, split: 'tiny:val' },
    });
  await publishCheckpoint(store, await saveTiny(store, 'blind', 8), publisher);
});

test.each([
  ['pets', { training: 'pets' }],
  ['pets@best', { training: 'pets', alias: 'best' }],
  ['pets:120', { training: 'pets', step: 120 }],
])('%s', (text, name) => {
  expect(parseModelName(text)).toEqual(name);
});

test.each(['', '@best', 'pets@', 'pets:', 'pets:x', 'pets:-1', 'pets@a@b', 'Pets', '../pets', 'pets@../best'])('%j is no model', (text) => {
  expect(() => parseModelName(text)).toThrow(expect.objectContaining({ code: 'USAGE' }));
});

test.each([
  ['pets', 2],
  ['pets@latest', 3],
  ['pets:1', 1],
  ['blind', 8],
])('%s is step %i', async (text, step) => {
  expect((await resolveModel(store, text)).record.step).toBe(step);
});

test('of several checkpoints of a step the one of the latest lease epoch is meant', async () => {
  await saveTiny(store, 'twice', 4);
  await saveTiny(store, 'twice', 4, { leaseEpoch: 3 });
  expect((await resolveModel(store, 'twice:4')).record.leaseEpoch).toBe(3);
});

test.each([
  ['pets@production', /production.*pets@best, pets@latest/],
  ['pets:7', /step 7.*pets:1, pets:2, pets:3/],
  ['cars', /no training "cars".*there are: blind, empty, pets/i],
  ['empty', /no checkpoint yet/],
  ['empty:1', /no checkpoint yet/],
])('%s is NOT_FOUND and lists what there is', async (text, message) => {
  await expect(resolveModel(store, text)).rejects.toMatchObject({ code: 'NOT_FOUND', message: expect.stringMatching(message) });
});

test('an alias of which the checkpoint was changed is CORRUPT_CHECKPOINT', async () => {
  const checkpoint = await saveTiny(store, 'changed', 1);
  await publishCheckpoint(store, checkpoint, publisher);
  await store.put(`${checkpoint.folder}COMMIT.json`, Buffer.from(checkpoint.body.toString().replace('"loss":1', '"loss":2')));
  await expect(resolveModel(store, 'changed')).rejects.toMatchObject({
    code: 'CORRUPT_CHECKPOINT',
    message: expect.stringContaining('COMMIT.json'),
  });
});
