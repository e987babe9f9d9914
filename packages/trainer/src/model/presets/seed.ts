import type { Preset } from './preset';

/** The captioner that the project began with: InceptionV3 features into an LSTM's first state, one dense layer out. */
export const seed: Preset = {
  name: 'seed',
  description: 'Dense ELU to the first LSTM state, embedding 150, LSTM 300; Adam at 0.001; greedy decoding',
  hyperparameters: {
    units: 300,
    embedding: 150,
    image: 'state',
    imageActivation: 'elu',
    standardize: false,
    layerNorm: false,
    tiedEmbeddings: false,
    dropout: 0,
    scheduledSampling: 0,
    labelSmoothing: 0,
    batchSize: 128,
    epochs: 20,
    learningRate: 1e-3,
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-7,
    clipNorm: null,
    minWordCount: 4,
    maxLength: 30,
    validationMetric: 'CIDEr',
    patience: null,
    shuffleWindow: null,
  },
};
