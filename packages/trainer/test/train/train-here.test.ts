import type { TrainEvent } from '../../src/train/events';
import { freezeTraining } from '../../src/train/freeze';
import { trainHere } from '../../src/train/train-here';
import { temporaryStore } from '../temporary-store';
import { TINY, writeTinyRun } from '../tiny-run';

const store = temporaryStore();
beforeAll(() => writeTinyRun(store));

const request = { runs: ['tiny'], preset: 'seed', hyperparameters: { ...TINY, epochs: 1 } };
const options = { holder: 'test', threads: 1 };

test('a new training is trained; asked for again, it is done', async () => {
  const first = await trainHere(store, request, { ...options, resume: false });
  expect(first).toMatchObject({ outcome: 'completed', step: 9, epoch: 1, record: { training: 'tiny-seed' } });
  const events: TrainEvent[] = [];
  const onEvent = (event: TrainEvent) => events.push(event);
  expect(await trainHere(store, request, { ...options, resume: false, onEvent })).toEqual(first);
  expect(events).toEqual([{ event: 'end', outcome: 'completed', step: 9, epoch: 1, reason: 'all epochs are done' }]);
});

test('one that has begun goes on only when asked to', async () => {
  const begun = { ...request, training: 'begun' };
  await freezeTraining(store, begun);
  await expect(trainHere(store, begun, { ...options, resume: false })).rejects.toMatchObject({
    code: 'TRAINING_EXISTS',
    hint: expect.stringContaining('--resume'),
  });
  await expect(trainHere(store, begun, { ...options, resume: true })).resolves.toMatchObject({ outcome: 'completed', step: 9 });
});
