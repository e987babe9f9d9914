import type { Layers, LayersModelOf, SymbolicTensor } from '@showtell/shared/tensorflow/layers';
import { ZEROS } from '@showtell/shared/tensorflow/layers';
import { NORM_EPSILON } from '@showtell/trainer/model/network';
import type { Architecture } from '@showtell/trainer/model/parameters';

interface LayerState {
  /** [B, U] */
  readonly hidden: SymbolicTensor;
  /** [B, U] */
  readonly cell: SymbolicTensor;
}

const GATES = 4;

/**
 * The network of `@showtell/trainer/model/network` in Keras' layers. One layer is made in another way, to the same numbers: what a photo adds to
 * the gates of every input is computed from the photo beside the word, as more columns of the LSTM's input.
 */
export class CaptionerLayers {
  constructor(
    private readonly keras: Layers,
    private readonly architecture: Architecture,
  ) {}

  /** feature → the state before the first word. */
  image(): LayersModelOf {
    const { layers, input } = this.keras;
    const { dimension, units, embedding, image, imageActivation, standardize } = this.architecture;
    const feature = input({ shape: [dimension], name: 'feature' });
    const seen = standardize ? layers.batchNormalization({ center: false, epsilon: 0, name: 'features' }).apply(feature) : feature;
    const isInput = image === 'first-input';
    const photo = layers
      .dense({ units: isInput ? embedding : units, activation: imageActivation, name: 'encoder', ...ZEROS })
      .apply(seen) as SymbolicTensor;
    // One tensor cannot be two outputs.
    const again = (name: string) => layers.activation({ activation: 'linear', name }).apply(photo) as SymbolicTensor;
    const { hidden, cell } = isInput ? this.next(photo) : { hidden: photo, cell: again('cell') };
    return { inputs: [feature], outputs: { hidden, cell, ...(image === 'every-input' && { image: again('image') }) } };
  }

  /** token and state → scores and state. */
  step(): LayersModelOf {
    const { layers, input } = this.keras;
    const { units, embedding, vocabularySize, image, tiedEmbeddings } = this.architecture;
    const token = input({ shape: [1], dtype: 'int32', name: 'token' });
    const state = { hidden: input({ shape: [units], name: 'hidden' }), cell: input({ shape: [units], name: 'cell' }) };
    const photo = image === 'every-input' ? [input({ shape: [units], name: 'image' })] : [];
    const embedded = layers
      .embedding({ inputDim: vocabularySize, outputDim: embedding, embeddingsInitializer: 'zeros', name: 'embedding' })
      .apply(token);
    const word = layers.reshape({ targetShape: [embedding], name: 'word' }).apply(embedded) as SymbolicTensor;
    const read = photo.length > 0 ? (layers.concatenate({ name: 'word_and_photo' }).apply([word, ...photo]) as SymbolicTensor) : word;
    const next = this.next(read, state);
    const scored =
      tiedEmbeddings && units !== embedding
        ? layers.dense({ units: embedding, useBias: false, name: 'projection', ...ZEROS }).apply(next.hidden)
        : next.hidden;
    const logits = layers.dense({ units: vocabularySize, name: 'output', ...ZEROS }).apply(scored) as SymbolicTensor;
    return { inputs: [token, state.hidden, state.cell, ...photo], outputs: { logits, next_hidden: next.hidden, next_cell: next.cell } };
  }

  /** One step of the LSTM, from a state of zeros where none is given. */
  private next(read: SymbolicTensor, state?: LayerState): LayerState {
    return this.architecture.layerNorm ? this.normalizedNext(read, state) : this.stockNext(read, state);
  }

  private stockNext(read: SymbolicTensor, state?: LayerState): LayerState {
    const { layers } = this.keras;
    const { units } = this.architecture;
    const sequence = layers.reshape({ targetShape: [1, read.shape[1]!], name: 'sequence' }).apply(read) as SymbolicTensor;
    const lstm = layers.lstm({
      units,
      recurrentActivation: 'sigmoid',
      recurrentInitializer: 'zeros',
      returnState: true,
      name: 'lstm',
      ...ZEROS,
    });
    const [, hidden, cell] = lstm.apply(state ? [sequence, state.hidden, state.cell] : sequence) as SymbolicTensor[];
    // It has the states among its inputs and keeps them as arguments as well, which cannot be saved and would be warned of.
    Object.assign(lstm.inboundNodes[0]!, { callArgs: {} });
    return { hidden: hidden!, cell: cell! };
  }

  /** What no stock LSTM does: the contributions to the gates are normalised each for itself, and the cell on its way out. */
  private normalizedNext(read: SymbolicTensor, state?: LayerState): LayerState {
    const { layers } = this.keras;
    const { units } = this.architecture;
    const dense = (name: string, from: SymbolicTensor) =>
      layers.dense({ units: GATES * units, useBias: false, name, ...ZEROS }).apply(from) as SymbolicTensor;
    const norm = (name: string, from: SymbolicTensor, center = true) =>
      layers.layerNormalization({ axis: -1, epsilon: NORM_EPSILON, center, name }).apply(from) as SymbolicTensor;
    const add = (name: string, terms: SymbolicTensor[]) => layers.add({ name }).apply(terms) as SymbolicTensor;
    const times = (name: string, factors: SymbolicTensor[]) => layers.multiply({ name }).apply(factors) as SymbolicTensor;

    const fromInput = norm('input_norm', dense('lstm', read));
    // Of a state of zeros nothing is left to be added.
    const gates = state ? add('gates', [fromInput, norm('recurrent_norm', dense('recurrent', state.hidden), false)]) : fromInput;
    const blocks = layers.reshape({ targetShape: [GATES, units, 1], name: 'blocks' }).apply(gates) as SymbolicTensor;
    const gate = (index: number, name: string, activation: 'sigmoid' | 'tanh') => {
      const cropping: [[number, number], [number, number]] = [
        [index, GATES - 1 - index],
        [0, 0],
      ];
      const cut = layers.cropping2D({ cropping, name: `${name}_block` }).apply(blocks);
      const block = layers.reshape({ targetShape: [units], name: `${name}_gate` }).apply(cut);
      return layers.activation({ activation, name }).apply(block) as SymbolicTensor;
    };
    const learned = times('learned', [gate(0, 'entry', 'sigmoid'), gate(2, 'candidate', 'tanh')]);
    const cell = state ? add('next_cell', [times('kept', [gate(1, 'forget', 'sigmoid'), state.cell]), learned]) : learned;
    const shown = layers.activation({ activation: 'tanh', name: 'shown' }).apply(norm('cell_norm', cell)) as SymbolicTensor;
    return { hidden: times('next_hidden', [gate(3, 'exit', 'sigmoid'), shown]), cell };
  }
}
