import type { Preset } from './preset';
import { showAndTell } from './show-and-tell';

/** The photo as the first state and beside every word, so that it is not forgotten on the way; words are scored by their embeddings. */
export const everyInput: Preset = {
  name: 'every-input',
  description: 'show-and-tell that sees the photo beside every word, with layer normalisation, tied embeddings and smoothed labels',
  hyperparameters: {
    ...showAndTell.hyperparameters,
    image: 'every-input',
    imageActivation: 'elu',
    layerNorm: true,
    tiedEmbeddings: true,
    labelSmoothing: 0.1,
    learningRate: 1e-3,
  },
};
