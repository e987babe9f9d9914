import type { Operators, Tensor, Tensor1D, Tensor2D } from '@showtell/shared/tensorflow/load';
import type { MASKS } from '../model/dropout';
import { NORM_EPSILON } from '../model/network';
import type { PackedBatch } from '../model/packed-batch';
import type { Architecture, MatrixName } from '../model/parameters';

/** The matrices of the network, each as `ParameterBuffer` has it. */
export type TensorWeights = (name: MatrixName) => Tensor;

interface TensorState {
  /** [rows, U] */
  readonly hidden: Tensor2D;
  /** [rows, U] */
  readonly cell: Tensor2D;
  /** [rows, 4U]: what the photo adds to the gates at every input, where it does */
  readonly image?: Tensor2D;
}

export type TensorMasks = Readonly<Record<keyof typeof MASKS, Tensor2D>>;

/** The network of `model/network.ts` and its unrolling in operators of TensorFlow.js, which differentiates them by itself. */
export class TensorflowNetwork {
  constructor(
    private readonly tf: Operators,
    private readonly architecture: Architecture,
    private readonly weights: TensorWeights,
  ) {}

  /**
   * What the LSTM gives after each token was read, [N, U], at step t for the `running[t]` rows that still go on.
   * @param features [B, F], longest caption first
   * @param embedded [N, E]: the tokens' vectors, step after step
   */
  unroll(features: Tensor2D, embedded: Tensor2D, { rows, running }: PackedBatch, masks?: TensorMasks): Tensor2D {
    const { tf } = this;
    const dropped = (value: Tensor2D, what: keyof TensorMasks): Tensor2D => (masks ? tf.mul(value, masks[what]) : value);
    const photo = dropped(this.image(features), 'image');
    const words = dropped(embedded, 'embedded');
    // A photo that is read like a word is a step more, of all rows.
    const photoFirst = this.architecture.image === 'first-input';
    const counts = [...(photoFirst ? [rows] : []), ...Array.from(running, Number).filter((count) => count > 0)];
    const inputs = tf.split(this.input(photoFirst ? tf.concat2d([photo, words], 0) : words), counts, 0) as Tensor2D[];
    let state = this.begin(photo);
    const states: Tensor2D[] = [];
    for (const [step, input] of inputs.entries()) {
      state = this.next(input, firstRows(tf, state, counts[step]!));
      // Nothing is to be said after the photo alone.
      if (step > 0 || !photoFirst) states.push(state.hidden);
    }
    return dropped(tf.concat2d(states, 0), 'states');
  }

  /** Scores of every token, [N, V], from outputs of the LSTM. */
  logits(hidden: Tensor2D): Tensor2D {
    const { tf } = this;
    const { tiedEmbeddings, units, embedding } = this.architecture;
    if (!tiedEmbeddings) return tf.matMul(this.withOnes(hidden), this.matrix('output'));
    const rows = units === embedding ? hidden : tf.matMul(hidden, this.matrix('projection'));
    return tf.add(tf.matMul(rows, this.matrix('embedding'), false, true), this.weights('outputBias'));
  }

  private image(features: Tensor2D): Tensor2D {
    const { tf } = this;
    const { standardize, imageActivation } = this.architecture;
    const seen: Tensor2D = standardize ? tf.div(tf.sub(features, this.weights('mean')), this.weights('deviation')) : features;
    const dense: Tensor2D = tf.matMul(this.withOnes(seen), this.matrix('encoder'));
    return imageActivation === 'elu' ? tf.elu(dense) : dense;
  }

  private begin(photo: Tensor2D): TensorState {
    const { tf } = this;
    const { image, units } = this.architecture;
    if (image === 'first-input') {
      const zeros: Tensor2D = tf.zeros([photo.shape[0], units]);
      return { hidden: zeros, cell: zeros };
    }
    const state = { hidden: photo, cell: photo };
    return image === 'every-input' ? { ...state, image: tf.matMul<Tensor2D>(photo, this.matrix('imageGates')) } : state;
  }

  private input(vectors: Tensor2D): Tensor2D {
    return this.tf.matMul(this.architecture.layerNorm ? vectors : this.withOnes(vectors), this.matrix('lstm'));
  }

  private next(input: Tensor2D, { hidden, cell, image }: TensorState): TensorState {
    const { tf } = this;
    const { layerNorm } = this.architecture;
    const added: Tensor2D = image === undefined ? input : tf.add(input, image);
    const recurrent: Tensor2D = tf.matMul(hidden, this.matrix('recurrent'));
    const gates: Tensor2D = layerNorm
      ? tf.add(this.normalized(recurrent, 'recurrentGain'), this.normalized(added, 'inputGain', 'inputBias'))
      : tf.add(recurrent, added);
    const [entry, forget, candidate, exit] = tf.split(gates, 4, 1) as [Tensor2D, Tensor2D, Tensor2D, Tensor2D];
    const next: Tensor2D = tf.add(tf.mul(tf.sigmoid(forget), cell), tf.mul(tf.sigmoid(entry), tf.tanh(candidate)));
    const shown = layerNorm ? this.normalized(next, 'cellGain', 'cellBias') : next;
    return { hidden: tf.mul(tf.sigmoid(exit), tf.tanh(shown)), cell: next, ...(image !== undefined && { image }) };
  }

  /** Appends a column of ones, because a bias is the last row of its kernel. */
  private withOnes(rows: Tensor2D): Tensor2D {
    return this.tf.concat2d([rows, this.tf.ones([rows.shape[0], 1])], 1);
  }

  private normalized(rows: Tensor2D, gain: MatrixName, bias?: MatrixName): Tensor2D {
    const { tf } = this;
    const centred: Tensor2D = tf.sub(rows, tf.mean(rows, 1, true));
    const variance = tf.mean(tf.mul(centred, centred), 1, true);
    const scaled: Tensor2D = tf.mul(tf.mul(centred, tf.rsqrt(tf.add(variance, NORM_EPSILON))), this.weights(gain));
    return bias === undefined ? scaled : tf.add(scaled, this.weights(bias));
  }

  private matrix(name: MatrixName): Tensor2D {
    return this.weights(name) as Tensor2D;
  }
}

/** What is left of a state when only its first rows go on. */
function firstRows(tf: Operators, state: TensorState, count: number): TensorState {
  const { hidden, cell, image } = state;
  if (hidden.shape[0] === count) return state;
  const first = (value: Tensor2D) => tf.slice2d(value, [0, 0], [count, value.shape[1]]);
  return { hidden: first(hidden), cell: first(cell), ...(image !== undefined && { image: first(image) }) };
}

/**
 * −log softmax(scores)[target], [N], whose gradient is p − wanted; with smoothing the target's part of the wanted probability is
 * 1 − smoothing, and the rest is spread evenly over all V tokens.
 */
export function crossEntropy(tf: Operators, scores: Tensor2D, targets: Tensor1D, smoothing: number): Tensor1D {
  const losses = tf.customGrad((...given) => {
    const [logits, save] = given as [Tensor, (tensors: Tensor[]) => void];
    const logProbabilities = tf.logSoftmax(logits);
    const size = scores.shape[1];
    const hot = tf.cast(tf.oneHot(targets, size), 'float32');
    const wanted = smoothing === 0 ? hot : tf.add(tf.mul(hot, 1 - smoothing), smoothing / size);
    save([tf.sub(tf.exp(logProbabilities), wanted)]);
    return {
      value: tf.neg(tf.sum(tf.mul(wanted, logProbabilities), 1)),
      gradFunc: (flowing: Tensor, saved: Tensor[]) => tf.mul(tf.expandDims(flowing, 1), saved[0]!),
    };
  });
  return losses(scores) as Tensor1D;
}
