import { type EncodedPhoto, encodePhotos } from '@showtell/encoder-worker/encode-photos';
import { defaultThreads, type EngineDescription, type EngineName } from '@showtell/encoder-worker/encoder/engines/engine';
import { type EngineProcess, startEngineProcess } from '@showtell/encoder-worker/engine-process';
import { isShowtellError, type ShowtellError } from '@showtell/shared/errors';
import type { CheckpointRecord } from '@showtell/shared/schema/checkpoint';
import type { Precision } from '@showtell/shared/schema/encoder-identity';
import { openCheckpointFolder } from '@showtell/trainer/checkpoint/folder';
import { createDecoder } from '@showtell/trainer/decoding/decoder';
import { type CaptionOptions, checkCaptionOptions } from './caption-options';
import { makeCaptions } from './make-captions';

export interface Candidate {
  /** Words with a space between them. */
  readonly caption: string;
  /** Whether the captioner ended the sentence itself, within the longest length it may have. */
  readonly ended: boolean;
  /** Natural logarithm of the caption's probability. */
  readonly logProbability: number;
}

export interface Caption extends Candidate {
  /** Where several captions were asked for, all of them; the first is this one. */
  readonly candidates?: readonly Candidate[];
}

/** A photo that cannot be captioned does not keep the others from it. */
export type PhotoCaption = Caption | { readonly error: ShowtellError };

export interface Captioner {
  /** The checkpoint in use. */
  readonly checkpoint: CheckpointRecord;
  /** What computes the features, and on which device. */
  readonly encoder: EngineDescription;
  /**
   * Captions in the photos' order. A photo is the path of a JPEG, PNG or WebP file, or its bytes.
   * @throws ShowtellError `USAGE` for options that are wrong.
   */
  caption(photos: readonly (string | Buffer)[], options?: CaptionOptions): Promise<PhotoCaption[]>;
  close(): Promise<void>;
}

export interface LoadOptions {
  /** Of the encoder. Default: `onnx`. */
  readonly engine?: EngineName;
  /** `auto`, `cpu` or `cuda`. Default `auto`. */
  readonly device?: string;
  /** Default: one for every core. */
  readonly threads?: number;
  /** Where `showtell engine install` keeps TensorFlow, where not in its default place. */
  readonly tensorflow?: string | undefined;
  readonly signal?: AbortSignal;
}

/**
 * Loads a folder that `showtell pull` made, after verifying every file of it. The encoder runs in a process of its own until `close()`.
 * @throws ShowtellError `NOT_FOUND`, `CORRUPT_CHECKPOINT`, `FORMAT_VERSION`, `DEVICE_UNAVAILABLE`.
 */
export async function loadCaptioner(folder: string, options: LoadOptions = {}): Promise<Captioner> {
  const { engine: engineName = 'onnx', device = 'auto', threads = defaultThreads(), tensorflow, signal } = options;
  const { record, weights, architecture, vocabulary, decoding, preprocessing, encoderWeights } = await openCheckpointFolder(folder);
  const decoder = await createDecoder({ weights, architecture, decoding, threads });
  const { precision } = preprocessing.encoder;
  const start = (computed: Precision) =>
    startEngineProcess({
      weights: encoderWeights,
      precision: computed,
      engine: engineName,
      device,
      threads,
      tensorflow,
      ...(signal && { signal }),
    });
  const engine = await (precision === 'float16' ? startFloat16(start, device) : start(precision)).catch(async (error: unknown) => {
    await decoder.close();
    throw error;
  });
  return {
    checkpoint: record,
    encoder: engine.description,
    async caption(photos, wanted = {}) {
      checkCaptionOptions(wanted);
      const encoded: EncodedPhoto[] = [];
      for await (const result of encodePhotos(engine, photos, wanted.signal && { signal: wanted.signal })) encoded.push(result);
      const features = encoded.flatMap(({ feature }) => feature ?? []);
      const decoded = await makeCaptions(decoder, concatenate(features, engine.dimension), features.length, wanted, decoding.beam);
      const several = wanted.samples !== undefined || wanted.nBest !== undefined;
      let row = 0;
      return encoded.map(({ error }) => {
        if (error) return { error };
        const candidates = decoded[row++]!.map(({ ids, ended, logProbability }) => ({
          caption: vocabulary.decode(ids).join(' '),
          ended,
          logProbability,
        }));
        return { ...candidates[0]!, ...(several && { candidates }) };
      });
    },
    async close() {
      await engine.close();
      await decoder.close();
    },
  };
}

/**
 * A captioner that was trained on features of a GPU serves on machines without one: float32 computes the same weights, and what float16
 * rounds off (5e-4 of a feature) is less than what a captioner can tell. A device that was asked for and has float16 not at all stays an error.
 */
async function startFloat16(start: (precision: Precision) => Promise<EngineProcess>, device: string): Promise<EngineProcess> {
  if (device === 'cpu') return start('float32');
  try {
    return await start('float16');
  } catch (error) {
    if (device === 'auto' && isShowtellError(error, 'DEVICE_UNAVAILABLE')) return start('float32');
    throw error;
  }
}

/** Features as rows of one matrix [rows × dimension]. */
function concatenate(features: readonly Float32Array[], dimension: number): Float32Array {
  const matrix = new Float32Array(features.length * dimension);
  for (const [row, feature] of features.entries()) matrix.set(feature, row * dimension);
  return matrix;
}
