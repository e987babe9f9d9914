import type { Preset } from './preset';
import { seed } from './seed';

/** The captioner of "Show and Tell" (Vinyals et al. 2015, https://arxiv.org/abs/1411.4555), trained with Adam. */
export const showAndTell: Preset = {
  name: 'show-and-tell',
  description: 'standardised features as the first input of an LSTM of 512, dropout 0.5, gradients clipped; decodes with beam 3',
  hyperparameters: {
    ...seed.hyperparameters,
    units: 512,
    embedding: 512,
    image: 'first-input',
    imageActivation: 'linear',
    standardize: true,
    dropout: 0.5,
    epochs: 14,
    learningRate: 2e-3,
    schedule: 'cosine',
    clipNorm: 5,
    beam: 3,
  },
};
