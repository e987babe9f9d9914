import { decodeEncoderFile, type EncoderFile } from '@showtell/encoder-worker/encoder/encoder-file';
import { onnxModel } from '@showtell/encoder-worker/encoder/engines/onnx-model';
import { fillNewFolder } from '@showtell/shared/new-folder';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { type Port, readModelFile } from '@showtell/shared/onnx/model-file';
import { readCheckpointFiles } from '@showtell/trainer/checkpoint/checkpoints';
import { CAPTIONER_FILES, type CaptionerFiles, decodeCaptionerFiles } from '@showtell/trainer/checkpoint/files';
import { resolveModel } from '@showtell/trainer/checkpoint/model-name';
import { type PulledCheckpoint, readEncoderWeights } from '@showtell/trainer/checkpoint/pull';
import { END, PAD, START, UNKNOWN } from '@showtell/trainer/model/tokens';
import { onnxCaptioner } from './onnx-captioner';
import { README } from './readme';
import { tfjsCaptioner } from './tfjs-captioner';
import { tfjsEncoder } from './tfjs-encoder';

/** What a checkpoint can become for programs that know nothing of Showtell. */
export type ExportFormat = 'onnx' | 'tfjs';

export interface ExportOptions {
  readonly format: ExportFormat;
  readonly signal?: AbortSignal;
}

export interface ExportedCaptioner extends PulledCheckpoint {
  /** Whether the encoder is in the folder, too; else features come from elsewhere (`showtell encode`). */
  readonly withEncoder: boolean;
}

/** One model of the folder: its files, and what `captioner.json` says of it. */
interface ExportedModel {
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly described: { readonly file: string; readonly inputs: unknown; readonly outputs: unknown };
}

/** Copied as they are: words, the encoder and its pixels, how Showtell decodes. */
const COPIED = ['vocabulary.json', 'preprocessing.json', 'decoding.json'] as const;
const FORMAT_VERSION = 1;

/**
 * Writes a checkpoint into a folder as models of another format, all or nothing: the image's and the step's, the encoder where the format
 * can express it, and `captioner.json`, which says what goes in and out.
 * @param name `TRAINING`, `TRAINING@ALIAS` or `TRAINING:STEP`.
 * @throws ShowtellError as `pullCheckpoint`.
 */
export async function exportCaptioner(
  store: ObjectStore,
  name: string,
  outFolder: string,
  { format, signal }: ExportOptions,
): Promise<ExportedCaptioner> {
  const { path, bytes, result } = await fillNewFolder(
    outFolder,
    'the captioner',
    async (folder) => {
      const checkpoint = await resolveModel(store, name);
      const files = await readCheckpointFiles(store, checkpoint, CAPTIONER_FILES);
      const captioner = decodeCaptionerFiles(files, checkpoint.folder);
      const encoder = decodeEncoderFile(await readEncoderWeights(store, checkpoint), captioner.preprocessing.weightsKey);
      const models = format === 'onnx' ? onnxModels(captioner, encoder) : await tfjsModels(captioner, encoder);
      const { training, step, epoch } = checkpoint.record;
      const description = {
        formatVersion: FORMAT_VERSION,
        format,
        checkpoint: { training, step, epoch, sha256: checkpoint.sha256 },
        tokens: { pad: PAD, start: START, end: END, unknown: UNKNOWN },
        neverSaid: [PAD, START, ...(captioner.decoding.blockUnknown ? [UNKNOWN] : [])],
        maxLength: captioner.decoding.maxLength,
        models: Object.fromEntries([...models].map(([part, { described }]) => [part, described])),
      };
      for (const file of COPIED) await folder.keep(file, files[file]);
      for (const model of models.values()) for (const [file, body] of model.files) await folder.keep(file, body);
      await folder.keep('README.md', Buffer.from(README[format]));
      await folder.keep('captioner.json', Buffer.from(`${JSON.stringify(description, null, 2)}\n`));
      return { ...checkpoint, withEncoder: models.has('encoder') };
    },
    signal,
  );
  return { ...result, path, bytes };
}

function onnxModels({ weights, architecture }: CaptionerFiles, encoder: EncoderFile): Map<string, ExportedModel> {
  // What was trained on features in float16 is served in float32, as everywhere without a GPU.
  const models = { encoder: onnxModel(encoder, 'float32'), ...onnxCaptioner(weights, architecture) };
  return new Map(
    Object.entries(models).map(([name, bytes]) => {
      const file = `${name}.onnx`;
      const { inputs, outputs } = readModelFile(bytes);
      return [name, { files: new Map([[file, bytes]]), described: { file, inputs: inputs.map(port), outputs: outputs.map(port) } }];
    }),
  );
}

/** As the model itself has it; a size of null is the number of photos, any. */
const port = ({ name, type, shape }: Port) => ({ name, type, shape: shape?.map((size) => size ?? null) });

/** Without an encoder of somebody's own, which is an ONNX model, and without int8, which TensorFlow.js' layers do not compute in. */
async function tfjsModels({ weights, architecture }: CaptionerFiles, encoder: EncoderFile): Promise<Map<string, ExportedModel>> {
  const models = {
    ...(encoder.kind === 'inception-v3' && { encoder: await tfjsEncoder(encoder.weights) }),
    ...(await tfjsCaptioner(weights, architecture)),
  };
  return new Map(
    Object.entries(models).map(([name, { files, ...ports }]) => [
      name,
      { files: new Map([...files].map(([file, body]) => [`${name}/${file}`, body])), described: { file: `${name}/model.json`, ...ports } },
    ]),
  );
}
