import { encodeRecord } from '@showtell/shared/schema/record';
import { decodeCaptionerFiles, encodeCheckpointFiles } from '../../src/checkpoint/files';
import { hyperparametersOf } from '../../src/model/presets/presets';
import { TINY } from '../tiny-run';
import { trainingRecord, trainingState, VOCABULARY } from './tiny-checkpoint';

const cursor = { seed: 7, step: 1, epoch: 0, batch: 1, lossSum: 1, lossCount: 10, best: null };

test('decoding.json says what the hyper-parameters of the training say', () => {
  const said = { beam: 4, lengthNormalization: 0.7, blockUnknown: false, blockRepeats: 3 };
  const training = { ...trainingRecord('pets'), hyperparameters: hyperparametersOf('seed', { ...TINY, ...said }) };
  const files = encodeCheckpointFiles(training, VOCABULARY, cursor, trainingState(1));
  expect(JSON.parse(files['decoding.json'].toString())).toEqual({ formatVersion: 2, maxLength: 8, ...said });
  expect(decodeCaptionerFiles(files, 'captioner/').decoding).toEqual({ maxLength: 8, ...said });
});

test('a decoding.json from before there was a beam is refused', () => {
  const files = encodeCheckpointFiles(trainingRecord('pets'), VOCABULARY, cursor, trainingState(1));
  const before = encodeRecord({ formatVersion: 1, method: 'greedy', maxLength: 8, blockUnknown: true });
  expect(() => decodeCaptionerFiles({ ...files, 'decoding.json': before }, 'captioner/')).toThrow(
    expect.objectContaining({
      code: 'FORMAT_VERSION',
      message: 'Expected format version 2 in captioner/decoding.json but received 1',
    }),
  );
});
