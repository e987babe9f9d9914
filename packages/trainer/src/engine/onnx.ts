import { type Feeds, openSession, type Session, type SessionOptions, Tensor } from '@showtell/shared/onnx/session';
import type { NamedTensor } from '@showtell/shared/safetensors';
import type { Hyperparameters } from '@showtell/shared/schema/checkpoint';
import { evaluationGraph, INPUT, trainingGraph } from '../model/captioner';
import { type PackedBatch, packBatch } from '../model/packed-batch';
import { ParameterBuffer } from '../model/parameter-buffer';
import {
  type Architecture,
  architectureOf,
  checkParameters,
  initialParameters,
  MATRICES,
  type MatrixName,
  parameterShapes,
} from '../model/parameters';
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
  const gradients = new ParameterBuffer(architecture, adam.gradients);
  const m = new ParameterBuffer(architecture, adam.m);
  const v = new ParameterBuffer(architecture, adam.v);
  if (options.initial) checkParameters(options.initial, architecture, 'the initial weights');
  weights.load(options.initial ?? initialParameters(architecture, options.seed));
  let applied = 0;

  const matrixFeeds = matrixTensors(weights, Object.keys(MATRICES) as MatrixName[]);
  const { graph, ...outputs } = trainingGraph(architecture, limits.steps);
  // Spinning gains nothing on an idle machine, and where another process works beside it costs a third of the speed.
  const sessionOptions = { threads, spinning: false };
  const session = await openSession(graph.encode(), sessionOptions);
  const gradientFetches = Object.fromEntries(
    [...outputs.gradients].map(([matrix, output]) => [output, matrixTensors(gradients, [matrix])[matrix]!]),
  );
  let evaluation: { session: Session; losses: string } | undefined;

  return {
    async step(batch) {
      const packed = packBatch(batch, limits);
      const losses = new Float32Array(packed.length);
      const embedded = new Float32Array(packed.length * architecture.embedding);
      await session.run(
        { ...matrixFeeds, ...packedFeeds(packed, dimension), [INPUT.weights]: new Tensor('float32', packed.weights, [packed.length, 1]) },
        {
          ...gradientFetches,
          [outputs.losses]: new Tensor('float32', losses, [packed.length, 1]),
          [outputs.embeddedGradient]: new Tensor('float32', embedded, [packed.length, architecture.embedding]),
        },
      );
      addByToken(gradients.matrix('embedding').data, embedded, packed.tokens, architecture.embedding);
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
      const parts = [
        [weights, state.weights, 'the weights'],
        [m, state.m, "Adam's first moments"],
        [v, state.v, "Adam's second moments"],
      ] as const;
      for (const [, tensors, what] of parts) checkParameters(tensors, architecture, `${what} of step ${state.step}`);
      for (const [buffer, tensors] of parts) buffer.load(tensors);
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

/** Dense gradient of the embedding: each token's vectors summed into its row, in the order of the tokens. */
function addByToken(target: Float32Array, vectors: Float32Array, tokens: BigInt64Array, width: number): void {
  target.fill(0);
  for (let index = 0; index < tokens.length; index++) {
    const row = Number(tokens[index]!) * width;
    const start = index * width;
    for (let column = 0; column < width; column++) target[row + column]! += vectors[start + column]!;
  }
}
