import { openFirstDevice } from '@showtell/shared/choose-device';
import { cpuName, type Device, isCuda, parseDevice } from '@showtell/shared/device';
import type { EngineDescription } from '@showtell/shared/engine-description';
import { ShowtellError } from '@showtell/shared/errors';
import { onnxruntimeVersion } from '@showtell/shared/onnx/session';
import { tensorflowFolder, whyNotCuda } from '@showtell/shared/tensorflow/bindings';
import { openTensorflow } from '@showtell/shared/tensorflow/open';
import type { CreateTrainingEngine } from './engine';
import { createOnnxTrainingEngine } from './onnx';
import { tensorflowTrainingEngine } from './tensorflow';

export type TrainingEngineName = 'onnx' | 'tensorflow';

export interface TrainingEngineRequest {
  readonly engine: TrainingEngineName;
  /** As `parseDevice` reads it. Only `auto` may fall back. */
  readonly device: string;
  readonly threads: number;
  /** Where `showtell engine install` keeps TensorFlow. Default: `tensorflowFolder()`. */
  readonly tensorflow?: string | undefined;
}

export interface OpenedTrainingEngine {
  readonly description: EngineDescription;
  readonly create: CreateTrainingEngine;
}

/** Where each engine trains, the best device first. */
const DEVICES: Readonly<Record<TrainingEngineName, readonly Device[]>> = { onnx: ['cpu'], tensorflow: ['cuda:0', 'cpu', 'wasm'] };

/**
 * Finds out what trains, and on which device, before there is anything to train.
 * @throws ShowtellError `CONFIG_INVALID` (no such device), `DEVICE_UNAVAILABLE`.
 */
export async function openTrainingEngine({
  engine,
  device: text,
  threads,
  tensorflow,
}: TrainingEngineRequest): Promise<OpenedTrainingEngine> {
  const asked = parseDevice(text);
  const kinds = DEVICES[engine];
  if (asked !== 'auto' && !kinds.some((kind) => kind === asked || (isCuda(kind) && isCuda(asked))))
    throw new ShowtellError(
      'DEVICE_UNAVAILABLE',
      `Expected device ${kinds.map((kind) => (isCuda(kind) ? 'cuda' : kind)).join(' or ')} for training by the engine ${engine} but received ${text}`,
      { hint: 'The engine tensorflow trains on GPUs: --engine tensorflow.' },
    );
  if (engine === 'onnx') {
    const versions = { onnxruntime: onnxruntimeVersion() };
    const description = { engine, provider: 'CPU', device: 'cpu', deviceName: cpuName(), precision: 'float32', threads, versions } as const;
    return { description, create: createOnnxTrainingEngine };
  }
  return openFirstDevice(
    { devices: asked === 'auto' ? kinds : [asked], auto: asked === 'auto', alone: 'there is no other' },
    async (device, chosen) => {
      const { tf, description } = await openTensorflow({ device, threads, folder: tensorflow });
      return {
        description: { ...description, precision: 'float32', ...(chosen !== undefined && { chosen }) },
        create: tensorflowTrainingEngine(tf),
      };
    },
    () => whyNotCuda(tensorflowFolder(tensorflow)),
  );
}
