import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { freezeTraining } from '../src/train/freeze';
import { train } from '../src/train/train';
import { TINY, writeTinyRun } from './tiny-run';

/** Writes the run `tiny`, and a training `tiny-seed` on it that has learnt what its pictures show. */
export async function writeTinyTraining(store: ObjectStore): Promise<void> {
  await writeTinyRun(store);
  await freezeTraining(store, { runs: ['tiny'], preset: 'seed', hyperparameters: { ...TINY, epochs: 15 } });
  await train(store, 'tiny-seed', { holder: 'test', threads: 1 });
}
