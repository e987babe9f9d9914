import { type Feeds, openSession, type Session, Tensor } from '@showtell/shared/onnx/session';
import { evaluationGraph, INPUT, trainingGraph } from '../model/captioner';
import { MASKS, maskWidths } from '../model/dropout';
import { matrixTensors } from '../model/matrix-tensors';
import type { PackedBatch } from '../model/packed-batch';
import { SAMPLED } from '../model/scheduled-sampling';
import type { Computer, ComputerOptions, StepInputs } from './computer';
import type { TrainingEngine, TrainingEngineOptions } from './engine';
import { createTrainingEngine } from './training-engine';

const SPIN_MICROSECONDS = 100;

/** The captioner on onnxruntime's CPU provider. */
export function createOnnxTrainingEngine(options: TrainingEngineOptions): Promise<TrainingEngine> {
  return createTrainingEngine(options, openOnnxComputer);
}

/**
 * One graph computes losses and gradients, weights and gradients staying where they are. A step runs synchronously inside its promise, so
 * it blocks the event loop while it lasts.
 */
async function openOnnxComputer({ architecture, steps, regularization, weights, gradients, threads }: ComputerOptions): Promise<Computer> {
  const { dimension, embedding } = architecture;
  const matrixFeeds = matrixTensors(weights);
  const { graph, ...outputs } = trainingGraph(architecture, steps, regularization);
  // Spinning as long as onnxruntime likes costs 39 % where another training works beside it; so short it only bridges the gaps between
  // some 1,500 small operators. A plan of memory is of use to batches of the same sizes, which hardly ever come twice,
  // and is kept for each.
  const open = (model: Uint8Array) => openSession(model, { threads, spinning: SPIN_MICROSECONDS, memoryPattern: false });
  const session = await open(graph.encode());
  const gradientTensors = matrixTensors(gradients);
  const gradientFetches = Object.fromEntries([...outputs.gradients].map(([matrix, output]) => [output, gradientTensors[matrix]!]));
  const widths = maskWidths(architecture);
  let evaluation: { session: Session; losses: string } | undefined;

  return {
    async gradients({ packed, masks, sampled }) {
      const { length } = packed;
      const losses = new Float32Array(length);
      const embedded = new Float32Array(length * embedding);
      const tokens = sampled ? new BigInt64Array(length) : packed.tokens;
      await session.run(
        {
          ...matrixFeeds,
          ...packedFeeds(packed, dimension),
          [INPUT.weights]: new Tensor('float32', packed.weights, [length, 1]),
          ...(masks && maskFeeds(masks, widths)),
          ...(sampled && sampledFeeds(sampled)),
        },
        {
          ...gradientFetches,
          [outputs.losses]: new Tensor('float32', losses, [length, 1]),
          [outputs.embeddedGradient]: new Tensor('float32', embedded, [length, embedding]),
          ...(sampled && { [outputs.tokens]: new Tensor('int64', tokens, [length]) }),
        },
      );
      return { losses, embedded, tokens };
    },

    async losses(packed) {
      // Opened when first used: a second session costs memory, and not every training has a validation split.
      if (evaluation === undefined) {
        const forward = evaluationGraph(architecture, steps);
        evaluation = { session: await open(forward.graph.encode()), losses: forward.losses };
      }
      const losses = new Float32Array(packed.length);
      await evaluation.session.run(
        { ...matrixFeeds, ...packedFeeds(packed, dimension) },
        { [evaluation.losses]: new Tensor('float32', losses, [packed.length, 1]) },
      );
      return losses;
    },

    async close() {
      await session.release();
      await evaluation?.session.release();
    },
  };
}

function packedFeeds({ rows, length, features, tokens, targets, running }: PackedBatch, dimension: number): Feeds {
  return {
    [INPUT.features]: new Tensor('float32', features, [rows, dimension]),
    [INPUT.tokens]: new Tensor('int64', tokens, [length]),
    [INPUT.targets]: new Tensor('int64', targets, [length, 1]),
    [INPUT.running]: new Tensor('int64', running, [running.length]),
  };
}

function maskFeeds(masks: NonNullable<StepInputs['masks']>, widths: ReturnType<typeof maskWidths>): Feeds {
  return Object.fromEntries(
    (['image', 'embedded', 'states'] as const).map((what) => {
      const width = widths[what];
      return [MASKS[what], new Tensor('float32', masks[what], [masks[what].length / width, width])];
    }),
  );
}

function sampledFeeds({ places, from, chances }: NonNullable<StepInputs['sampled']>): Feeds {
  return {
    [SAMPLED.places]: new Tensor('int64', places, [places.length]),
    [SAMPLED.from]: new Tensor('int64', from, [from.length]),
    [SAMPLED.chances]: new Tensor('float32', chances, [chances.length, 1]),
  };
}
