import { dropoutMask, maskWidths } from '../model/dropout';
import { type PackedBatch, packBatch } from '../model/packed-batch';
import { ParameterBuffer } from '../model/parameter-buffer';
import { architectureOf, checkMoments, checkParameters, initialParameters, parameterShapes } from '../model/parameters';
import { Random } from '../model/random';
import { samplePlaces } from '../model/scheduled-sampling';
import { Adam, clipScale, segmentOf } from './adam';
import type { OpenComputer, StepInputs } from './computer';
import type { TrainingEngine, TrainingEngineOptions } from './engine';
import { learningRateAt } from './schedule';

/** Above this loss a target's probability is no longer a normal float32 number, and what a library says of it means nothing. */
const UNDERFLOW = 126 * Math.LN2;

/**
 * A training whose losses and gradients a library computes: what is drawn, clipping, Adam and the state are the same for all of them.
 * Gradients land in one flat buffer, and Adam makes one pass over it.
 */
export async function createTrainingEngine(options: TrainingEngineOptions, open: OpenComputer): Promise<TrainingEngine> {
  const { hyperparameters, vocabularySize, dimension, threads, totalSteps, seed } = options;
  const architecture = architectureOf(hyperparameters, dimension, vocabularySize);
  const limits = { dimension, vocabularySize, steps: hyperparameters.maxLength + 1 };

  const adam = new Adam([...parameterShapes(architecture).values()].map(segmentOf), hyperparameters);
  const weights = new ParameterBuffer(architecture, adam.weights);
  const gradients = new ParameterBuffer(architecture, adam.gradients, 'trained');
  const m = new ParameterBuffer(architecture, adam.m, 'trained');
  const v = new ParameterBuffer(architecture, adam.v, 'trained');
  if (options.initial) checkParameters(options.initial, architecture, 'the initial weights');
  weights.load(options.initial ?? initialParameters(architecture, seed));
  let applied = 0;

  const computer = await open({ architecture, steps: limits.steps, regularization: hyperparameters, weights, gradients, threads });
  const embeddingGradient = gradients.matrix('embedding').data;
  const { dropout, scheduledSampling } = hyperparameters;
  const widths = maskWidths(architecture);

  function masks({ rows, length }: PackedBatch, step: number): NonNullable<StepInputs['masks']> {
    const random = Random.of(`dropout ${seed} ${step}`);
    return {
      image: dropoutMask(random, rows * widths.image, dropout),
      embedded: dropoutMask(random, length * widths.embedded, dropout),
      states: dropoutMask(random, length * widths.states, dropout),
    };
  }

  /** The probability grows on a line over the training: at first the network's own words say nothing. */
  function sampled(packed: PackedBatch, step: number): NonNullable<StepInputs['sampled']> {
    const random = Random.of(`scheduled sampling ${seed} ${step}`);
    return samplePlaces(packed, scheduledSampling * Math.min(1, step / totalSteps), random);
  }

  return {
    async step(batch) {
      const packed = packBatch(batch, limits);
      const step = applied + 1;
      const { losses, embedded, tokens } = await computer.gradients({
        packed,
        ...(dropout > 0 && { masks: masks(packed, step) }),
        ...(scheduledSampling > 0 && { sampled: sampled(packed, step) }),
      });
      // Of tied embeddings the part that comes from the scores is there already.
      if (!architecture.tiedEmbeddings) embeddingGradient.fill(0);
      addByToken(embeddingGradient, embedded, tokens, architecture.embedding);
      const loss = weightedLoss(losses, packed.weights);
      const gradientNorm = adam.gradientNorm();
      const learningRate = learningRateAt(hyperparameters, step, totalSteps);
      const scale = clipScale(gradientNorm, hyperparameters.clipNorm);
      // Adam keeps the squares as float32: one that is too large would silence its weight for good.
      const finite = Number.isFinite(loss) && Number.isFinite(Math.fround((scale * gradientNorm) ** 2));
      if (finite) adam.update(++applied, learningRate, scale);
      return { loss, tokens: packed.length, gradientNorm, learningRate, applied: finite };
    },

    async evaluate(batch) {
      const packed = packBatch(batch, limits);
      const losses = await computer.losses(packed);
      return { lossSum: losses.reduce((sum, loss) => sum + loss, 0), tokens: packed.length };
    },

    weights: () => weights.tensors(),

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

    close: () => computer.close(),
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
