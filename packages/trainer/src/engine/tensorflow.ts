import { type Operators, registerGradients, type Tensor, type Tensor2D } from '@showtell/shared/tensorflow/load';
import { trainedByProducts } from '../model/captioner';
import { maskWidths } from '../model/dropout';
import type { MatrixName } from '../model/parameters';
import type { SampledPlaces } from '../model/scheduled-sampling';
import { END } from '../model/tokens';
import type { Computer, ComputerOptions, StepInputs } from './computer';
import type { CreateTrainingEngine } from './engine';
import { crossEntropy, TensorflowNetwork, type TensorMasks } from './tensorflow-network';
import { createTrainingEngine } from './training-engine';

/**
 * The captioner in TensorFlow.js on whatever it computes with. A step blocks the event loop while it lasts.
 * Threads were set when TensorFlow was loaded.
 */
export function tensorflowTrainingEngine(tf: Operators): CreateTrainingEngine {
  registerGradients();
  return (options) => createTrainingEngine(options, (of) => Promise.resolve(tensorflowComputer(tf, of)));
}

/**
 * Weights go to the device and gradients come from it in every step; nothing stays there between two. What is looked up by token is not
 * differentiated but taken as given: WebAssembly has no gradient of a look-up, and the sum by token belongs to the caller.
 */
function tensorflowComputer(tf: Operators, { architecture, regularization, weights, gradients }: ComputerOptions): Computer {
  const { dimension, vocabularySize } = architecture;
  const trained = trainedByProducts(architecture);
  const widths = maskWidths(architecture);

  /** Runs `use` with the weights on the device, and clears the device but for what it returns. */
  const onDevice = <T extends Tensor | Tensor[]>(use: (upload: Map<MatrixName, Tensor>) => T): T =>
    tf.tidy(() => use(new Map(weights.matrices.map((name) => [name, tensorOf(name)]))));
  const tensorOf = (name: MatrixName): Tensor => {
    const { data, shape } = weights.matrix(name);
    return tf.tensor(data, [...shape], 'float32');
  };
  const networkWith = (tensors: ReadonlyMap<MatrixName, Tensor>) => new TensorflowNetwork(tf, architecture, (name) => tensors.get(name)!);
  const featuresOf = ({ features, rows }: StepInputs['packed']) => tf.tensor2d(features, [rows, dimension]);
  const ids = (tokens: BigInt64Array) => tf.tensor1d(Int32Array.from(tokens, Number), 'int32');
  const embed = (tensors: ReadonlyMap<MatrixName, Tensor>, tokens: BigInt64Array) =>
    tf.gather(tensors.get('embedding') as Tensor2D, ids(tokens));

  function masksOf(masks: NonNullable<StepInputs['masks']>): TensorMasks {
    const mask = (what: keyof TensorMasks) => tf.tensor2d(masks[what], [masks[what].length / widths[what], widths[what]]);
    return { image: mask('image'), embedded: mask('embedded'), states: mask('states') };
  }

  /** Probabilities of every token at the places before the sampled ones, [K, V], when the true tokens are read. */
  async function probabilitiesOf({ packed, sampled }: StepInputs & { readonly sampled: SampledPlaces }): Promise<Float32Array> {
    const result = onDevice((tensors) => {
      const network = networkWith(tensors);
      const states = network.unroll(featuresOf(packed), embed(tensors, packed.tokens), packed);
      return tf.softmax(network.logits(tf.gather(states, ids(sampled.from))));
    });
    const data = (await result.data()) as Float32Array;
    result.dispose();
    return data;
  }

  return {
    async gradients({ packed, masks, sampled }) {
      const tokens =
        sampled && sampled.places.length > 0
          ? ownWords(packed.tokens, sampled, await probabilitiesOf({ packed, sampled }), vocabularySize)
          : packed.tokens;
      const results = onDevice((tensors) => {
        const forward = (embedded: Tensor, ...matrices: Tensor[]) => {
          const network = networkWith(new Map([...tensors, ...trained.map((name, index) => [name, matrices[index]!] as const)]));
          const states = network.unroll(featuresOf(packed), embedded as Tensor2D, packed, masks && masksOf(masks));
          return crossEntropy(tf, network.logits(states), ids(packed.targets), regularization.labelSmoothing);
        };
        const differentiated = [embed(tensors, tokens), ...trained.map((name) => tensors.get(name)!)];
        const { value, grads } = tf.valueAndGrads(forward)(differentiated, tf.tensor1d(packed.weights));
        return [value, ...grads];
      });
      const [losses, embedded, ...found] = (await Promise.all(results.map((tensor) => tensor.data()))) as Float32Array[];
      tf.dispose(results);
      for (const [index, name] of trained.entries()) gradients.matrix(name).data.set(found[index]!);
      return { losses: losses!, embedded: embedded!, tokens };
    },

    async losses(packed) {
      const result = onDevice((tensors) => {
        const network = networkWith(tensors);
        const states = network.unroll(featuresOf(packed), embed(tensors, packed.tokens), packed);
        return crossEntropy(tf, network.logits(states), ids(packed.targets), 0);
      });
      const data = (await result.data()) as Float32Array;
      result.dispose();
      return data;
    },

    close: () => Promise.resolve(),
  };
}

/**
 * The tokens with the network's own words in the sampled places: of each distribution the token whose part of [0, 1] the chance falls
 * into. PAD, START and END are no words: where one is drawn, the true token stays.
 */
function ownWords(
  tokens: BigInt64Array,
  { places, chances }: SampledPlaces,
  probabilities: Float32Array,
  vocabularySize: number,
): BigInt64Array {
  const replaced = tokens.slice();
  for (const [index, place] of places.entries()) {
    let drawn = 0;
    let cumulative = 0;
    for (; drawn < vocabularySize - 1; drawn++) {
      cumulative = Math.fround(cumulative + probabilities[index * vocabularySize + drawn]!);
      if (cumulative > chances[index]!) break;
    }
    if (drawn > END) replaced[Number(place)] = BigInt(drawn);
  }
  return replaced;
}
