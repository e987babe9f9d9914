import { type Feeds, openSession, type Session, type SessionOptions, Tensor } from '@showtell/shared/onnx/session';
import type { NamedTensor } from '@showtell/shared/safetensors';
import type { Hyperparameters } from '@showtell/shared/schema/checkpoint';
import { evaluationGraph, INPUT, trainingGraph } from '../model/captioner';
import { dropoutMask, MASKS, maskWidths } from '../model/dropout';
import { type PackedBatch, packBatch } from '../model/packed-batch';
import { ParameterBuffer } from '../model/parameter-buffer';
import {
  type Architecture,
  architectureOf,
  checkMoments,
  checkParameters,
  initialParameters,
  type MatrixName,
  parameterShapes,
} from '../model/parameters';
import { Random } from '../model/random';
import { SAMPLED, samplePlaces } from '../model/scheduled-sampling';
import { Adam, clipScale, segmentOf } from './adam';
import type { TrainingEngine } from './engine';
import { learningRateAt } from './schedule';

export interface OnnxTrainingOptions {
  readonly hyperparameters: Hyperparameters;
  /** Words with PAD, START, END and UNKNOWN. */
  readonly vocabularySize: number;
  /** Length of a feature. */
  readonly dimension: number;
  /** Steps of the whole training, which schedules of the learning rate end with. */
  readonly totalSteps: number;
  /** Threads of onnxruntime; 0 for every core. Runs on other counts may differ in the last bits. */
  readonly threads: number;
  /** Weights to begin with, by Keras' names. Absent: fresh ones from the seed. */
  readonly initial?: ReadonlyMap<string, NamedTensor>;
  readonly seed: number;
}

/** Above this loss a target's probability is no longer a normal float32 number, and what the graph says of it means nothing. */
const UNDERFLOW = 126 * Math.LN2;

/**
 * The captioner on onnxruntime's CPU provider: one graph computes losses and gradients, gradients land in one flat buffer,
 * and Adam makes one pass over it, in memory that both see. A step runs synchronously inside its promise, so it blocks the event loop while it lasts.
 */
export async function createOnnxTrainingEngine(options: OnnxTrainingOptions): Promise<TrainingEngine> {
  const { hyperparameters, vocabularySize, dimension, threads, totalSteps } = options;
  const architecture = architectureOf(hyperparameters, dimension, vocabularySize);
  const limits = { dimension, vocabularySize, steps: hyperparameters.maxLength + 1 };

  const adam = new Adam([...parameterShapes(architecture).values()].map(segmentOf), hyperparameters);
  const weights = new ParameterBuffer(architecture, adam.weights);
  const gradients = new ParameterBuffer(architecture, adam.gradients, 'trained');
  const m = new ParameterBuffer(architecture, adam.m, 'trained');
  const v = new ParameterBuffer(architecture, adam.v, 'trained');
  if (options.initial) checkParameters(options.initial, architecture, 'the initial weights');
  weights.load(options.initial ?? initialParameters(architecture, options.seed));
  let applied = 0;

  const matrixFeeds = matrixTensors(weights, weights.matrices);
  const { graph, ...outputs } = trainingGraph(architecture, limits.steps, hyperparameters);
  // Spinning gains nothing on an idle machine, and where another process works beside it costs a third of the speed.
  const sessionOptions = { threads, spinning: false };
  const session = await openSession(graph.encode(), sessionOptions);
  const gradientFetches = Object.fromEntries(
    [...outputs.gradients].map(([matrix, output]) => [output, matrixTensors(gradients, [matrix])[matrix]!]),
  );
  const embeddingGradient = gradients.matrix('embedding').data;
  let evaluation: { session: Session; losses: string } | undefined;

  const { dropout, scheduledSampling } = hyperparameters;
  const dropped = dropout > 0;
  const sampled = scheduledSampling > 0;
  const widths = maskWidths(architecture);

  function maskFeeds({ rows, length }: PackedBatch, step: number): Feeds {
    const random = Random.of(`dropout ${options.seed} ${step}`);
    const mask = (height: number, width: number) => new Tensor('float32', dropoutMask(random, height * width, dropout), [height, width]);
    return {
      [MASKS.image]: mask(rows, widths.image),
      [MASKS.embedded]: mask(length, widths.embedded),
      [MASKS.states]: mask(length, widths.states),
    };
  }

  /** The probability grows on a line over the training: at first the network's own words say nothing. */
  function sampledFeeds(packed: PackedBatch, step: number): Feeds {
    const random = Random.of(`scheduled sampling ${options.seed} ${step}`);
    const { places, from, chances } = samplePlaces(packed, scheduledSampling * Math.min(1, step / totalSteps), random);
    return {
      [SAMPLED.places]: new Tensor('int64', places, [places.length]),
      [SAMPLED.from]: new Tensor('int64', from, [from.length]),
      [SAMPLED.chances]: new Tensor('float32', chances, [chances.length, 1]),
    };
  }

  return {
    async step(batch) {
      const packed = packBatch(batch, limits);
      const losses = new Float32Array(packed.length);
      const embedded = new Float32Array(packed.length * architecture.embedding);
      const tokens = sampled ? new BigInt64Array(packed.length) : packed.tokens;
      await session.run(
        {
          ...matrixFeeds,
          ...packedFeeds(packed, dimension),
          [INPUT.weights]: new Tensor('float32', packed.weights, [packed.length, 1]),
          ...(dropped && maskFeeds(packed, applied + 1)),
          ...(sampled && sampledFeeds(packed, applied + 1)),
        },
        {
          ...gradientFetches,
          [outputs.losses]: new Tensor('float32', losses, [packed.length, 1]),
          [outputs.embeddedGradient]: new Tensor('float32', embedded, [packed.length, architecture.embedding]),
          ...(sampled && { [outputs.tokens]: new Tensor('int64', tokens, [packed.length]) }),
        },
      );
      if (!architecture.tiedEmbeddings) embeddingGradient.fill(0);
      addByToken(embeddingGradient, embedded, tokens, architecture.embedding);
      const loss = weightedLoss(losses, packed.weights);
      const gradientNorm = adam.gradientNorm();
      const learningRate = learningRateAt(hyperparameters, applied + 1, totalSteps);
      const finite = Number.isFinite(loss) && Number.isFinite(gradientNorm);
      if (finite) adam.update(++applied, learningRate, clipScale(gradientNorm, hyperparameters.clipNorm));
      return { loss, tokens: packed.length, gradientNorm, learningRate, applied: finite };
    },

    async evaluate(batch) {
      // Opened when first used: a second session costs memory, and not every training has a validation split.
      evaluation ??= await openEvaluation(architecture, limits.steps, sessionOptions);
      const packed = packBatch(batch, limits);
      const losses = new Float32Array(packed.length);
      await evaluation.session.run(
        { ...matrixFeeds, ...packedFeeds(packed, dimension) },
        { [evaluation.losses]: new Tensor('float32', losses, [packed.length, 1]) },
      );
      return { lossSum: losses.reduce((sum, loss) => sum + loss, 0), tokens: packed.length };
    },

    state: () => ({ step: applied, weights: weights.tensors(), m: m.tensors(), v: v.tensors() }),

    load(state) {
      const where = `of step ${state.step}`;
      checkParameters(state.weights, architecture, `the weights ${where}`);
      checkMoments(state.m, architecture, `Adam's first moments ${where}`);
      checkMoments(state.v, architecture, `Adam's second moments ${where}`);
      weights.load(state.weights);
      m.load(state.m);
      v.load(state.v);
      applied = state.step;
    },

    async close() {
      await session.release();
      await evaluation?.session.release();
    },
  };
}

async function openEvaluation(
  architecture: Architecture,
  steps: number,
  options: SessionOptions,
): Promise<{ session: Session; losses: string }> {
  const { graph, losses } = evaluationGraph(architecture, steps);
  return { session: await openSession(graph.encode(), options), losses };
}

/** Tensors that share the buffer's memory. */
function matrixTensors(buffer: ParameterBuffer, names: readonly MatrixName[]): Record<string, Tensor> {
  return Object.fromEntries(
    names.map((name) => {
      const { data, shape } = buffer.matrix(name);
      return [name, new Tensor('float32', data, shape)];
    }),
  );
}

function packedFeeds({ rows, length, features, tokens, targets, running }: PackedBatch, dimension: number): Feeds {
  return {
    [INPUT.features]: new Tensor('float32', features, [rows, dimension]),
    [INPUT.tokens]: new Tensor('int64', tokens, [length]),
    [INPUT.targets]: new Tensor('int64', targets, [length, 1]),
    [INPUT.running]: new Tensor('int64', running, [running.length]),
  };
}

/** Σ weight · loss in float64; infinite as soon as one loss that counts has left float32's range. */
function weightedLoss(losses: Float32Array, weights: Float32Array): number {
  let sum = 0;
  for (let index = 0; index < losses.length; index++) {
    if (weights[index] === 0) continue;
    sum += losses[index]! > UNDERFLOW ? Number.POSITIVE_INFINITY : weights[index]! * losses[index]!;
  }
  return sum;
}

/** Adds each token's vectors to its row, in the order of the tokens. */
function addByToken(target: Float32Array, vectors: Float32Array, tokens: BigInt64Array, width: number): void {
  for (let index = 0; index < tokens.length; index++) {
    const row = Number(tokens[index]!) * width;
    const start = index * width;
    for (let column = 0; column < width; column++) target[row + column]! += vectors[start + column]!;
  }
}
