import { randomFillSync } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { cpuName, cudaIndex, type Device, isCuda } from '@showtell/shared/device';
import { ShowtellError } from '@showtell/shared/errors';
import { listGpus } from '@showtell/shared/gpus';
import { pixelBytes } from '@showtell/shared/image/limits';
import { cudaVersions, isOutOfMemory, whyNotCuda } from '@showtell/shared/onnx/cuda';
import { onnxruntimeVersion, openSession, probeGraph, type Session, Tensor } from '@showtell/shared/onnx/session';
import { checkFilePrecision, decodeEncoderFile } from '../encoder-file';
import { Batches, type Compute } from './batches';
import { openOnDevice } from './choose-device';
import type { EncoderEngine, EngineDescription, EngineOptions, OnNotice } from './engine';
import { inTurn } from './in-turn';
import { measureBatch } from './measure-batch';
import { onnxModel } from './onnx-model';

/** Images in one run of the graph. On the CPU more are not faster, and each keeps some 20 MB of activations. */
const RUN = { cpu: 8, cuda: 32 } as const;
const MEASURED = [8, 16, 32, 64, 128, 256];

/**
 * An encoder in onnxruntime, on the CPU or on a CUDA GPU. `encode()` blocks the event loop of its process while it computes:
 * programs that hold locks use `startEngineProcess` instead.
 */
export function openOnnxEngine(options: EngineOptions, onNotice: OnNotice = () => {}): Promise<EncoderEngine> {
  return openOnDevice(options, (device, chosen) => openOn(device, chosen, options, onNotice), whyNotCuda);
}

/** Which device the engine gets, tried with the smallest graph there is. */
export function probeOnnx(options: EngineOptions): Promise<EngineDescription> {
  return openOnDevice(
    options,
    async (device, chosen) => {
      await (await openSession(probeGraph(), { device })).release();
      return describe(device, chosen, options);
    },
    whyNotCuda,
  );
}

async function openOn(device: Device, chosen: string | undefined, options: EngineOptions, onNotice: OnNotice): Promise<EncoderEngine> {
  const { weights: path, precision, threads } = options;
  const bytes = await readFile(path).catch((cause: Error) => {
    throw new ShowtellError('WEIGHTS_INVALID', `The weights file ${path} cannot be read: ${cause.message}`, { cause });
  });
  const file = decodeEncoderFile(bytes, path);
  checkFilePrecision(file, precision, path);
  const { side, dimension } = file;
  const model = onnxModel(file, precision);
  const theirs = file.kind === 'custom' ? { mixed: true, rearranged: file.custom.input.type === 'float32' } : {};
  const open = () =>
    openSession(model, { device, threads, spinning: options.spin ?? false, balanced: true, memoryPattern: false, ...theirs });
  const size = file.most ?? (isCuda(device) ? await cudaBatch(options, open, side, onNotice) : RUN.cpu);
  const session = await open();
  const batches = new Batches({
    compute: computeWith(session, side),
    size,
    filled: isCuda(device),
    imageBytes: pixelBytes(side),
    isOutOfMemory: isCuda(device) ? isOutOfMemory : () => false,
    onNotice,
  });
  const description = await describe(device, chosen, options);
  return inTurn({ description, side, dimension, batches, release: () => session.release() });
}

function computeWith(session: Session, side: number): Compute {
  return async (pixels, count) => {
    const result = await session.run({ [session.inputNames[0]!]: new Tensor('uint8', pixels, [count, side, side, 3]) });
    return result[session.outputNames[0]!]!.data as Float32Array;
  };
}

/** Measured in a session of its own: what the largest batch took does not stay taken. */
async function cudaBatch(
  { batch = RUN.cuda }: EngineOptions,
  open: () => Promise<Session>,
  side: number,
  onNotice: OnNotice,
): Promise<number> {
  if (batch !== 'measured') return batch;
  const session = await open();
  try {
    const compute = computeWith(session, side);
    // Memory that is taken anew for each run would be measured too.
    const noise = randomFillSync(new Uint8Array(MEASURED.at(-1)! * pixelBytes(side)));
    const measured = await measureBatch({
      run: (images) => compute(noise.subarray(0, images * pixelBytes(side)), images),
      sizes: MEASURED,
      isOutOfMemory,
    });
    const rates = [...measured.rates].map(([images, rate]) => `${images}: ${Math.round(rate)}`).join(', ');
    onNotice({ level: 'info', message: `images/s by batch: ${rates}`, batch: measured.batch });
    return measured.batch;
  } finally {
    await session.release();
  }
}

async function describe(
  device: Device,
  chosen: string | undefined,
  { precision, threads }: Pick<EngineOptions, 'precision' | 'threads'>,
): Promise<EngineDescription> {
  const common = { engine: 'onnx', device, precision, threads, ...(chosen !== undefined && { chosen }) };
  const versions = { onnxruntime: onnxruntimeVersion() };
  if (!isCuda(device)) return { ...common, provider: 'CPU', deviceName: cpuName(), versions };
  const gpu = (await listGpus()).find(({ index }) => index === cudaIndex(device));
  return {
    ...common,
    provider: 'CUDA',
    deviceName: gpu?.name ?? 'a GPU that nvidia-smi does not list',
    versions: { ...versions, ...(await cudaVersions(gpu)) },
  };
}
