import { readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { WORK_FOLDER } from '@showtell/shared/config';
import { isShowtellError, ShowtellError } from '@showtell/shared/errors';
import { sha256 } from '@showtell/shared/hash';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { PREPROCESSING, Precision, preprocessingOf } from '@showtell/shared/schema/encoder-identity';
import { resolveCustom } from '../custom/resolve-custom';
import { ENCODER } from '../inception-v3';
import { readBundledWeights } from './bundled';
import { type DownloadOptions, download } from './download';
import { shown } from './http';
import { fetchImagenet, findImagenet, IMAGENET } from './imagenet';
import { fetchWeights } from './keep';
import { decodeWeights, type EncoderWeights, encodeWeights } from './tensors';
import { readWeightsFile } from './weights-file';

export interface ResolvedWeights {
  /** The encoder file, as the store keeps it under `weights/`; `decodeEncoderFile` reads it. */
  readonly bytes: Buffer;
  /** Of `bytes`: the identity of the weights. */
  readonly sha256: string;
  /** Name of the encoder, `inception-v3` or that of the user's own. */
  readonly encoder: string;
  readonly preprocessing: string;
  /** In which runs of it can be had. */
  readonly precisions: readonly Precision[];
  /** Length of a feature. */
  readonly dimension: number;
  /** For people: where they came from and how wide they are. */
  readonly description: string;
  /** What was asked for, without any secret. */
  readonly spec: string;
  /** Of Keras' published file, when it is that. */
  readonly sourceMd5?: string;
}

export interface ResolveOptions extends Pick<DownloadOptions, 'onProgress' | 'signal' | 'limits'> {
  /** Where `imagenet` is taken from when somebody has put it there. */
  readonly store?: ObjectStore | undefined;
  /** Of downloaded weights, and of what is copied from the store. Default: `.showtell/weights` in the working folder. */
  readonly folder?: string | undefined;
  /** Where `imagenet` comes from. Default: as Keras has it. */
  readonly imagenet?: { readonly url?: string | undefined; readonly md5?: string | undefined };
}

/**
 * Reads encoder weights: `bundled`; `imagenet`; the path or address of a file of Keras (`.h5`, `.weights.h5`, `.keras`) or of Showtell
 * (`.safetensors`), an address with `#sha256=…` behind it where that is known; or the path of an ONNX model with a JSON file beside it
 * that describes it.
 * @throws ShowtellError `WEIGHTS_INVALID` (what is wrong with the file), and the errors of `download`
 */
export async function resolveWeights(spec: string, options: ResolveOptions = {}): Promise<ResolvedWeights> {
  if (spec === 'bundled') return resolved(readBundledWeights(), spec, 'bundled: InceptionV3 of the npm package nsfwjs');
  if (spec === 'imagenet') return resolveImagenet(options);
  if (/^https?:/i.test(spec)) return resolveAddress(spec, options);
  const scheme = /^([a-z][a-z0-9+.-]+:)\/\//i.exec(spec)?.[1];
  if (spec === '' || scheme !== undefined)
    throw new ShowtellError('WEIGHTS_INVALID', `Expected encoder weights but received ${scheme ? `an address of ${scheme}` : 'nothing'}`, {
      hint: 'Name bundled, imagenet, an http:// or https:// address, or the path of a .h5, .keras, .safetensors or .onnx file.',
    });
  if (/\.onnx$/i.test(spec)) return resolvedCustom(resolve(spec), spec);
  return resolved(await readWeightsFile(resolve(spec)), spec, spec);
}

async function resolveImagenet({ store, imagenet, folder = defaultFolder(), ...rest }: ResolveOptions): Promise<ResolvedWeights> {
  const { url, md5 = IMAGENET.md5 } = imagenet ?? {};
  const spec = 'imagenet';
  const published = { sourceMd5: md5 };
  const signal = rest.signal ? { signal: rest.signal } : {};
  const known = store && (await findImagenet(store, { md5, ...signal }));
  if (store && known !== undefined)
    try {
      const path = await fetchWeights(store, known, folder, signal);
      return { ...resolved(decodeWeights(await readFile(path), path), spec, "imagenet: Keras' own, from the store"), ...published };
    } catch (error) {
      // Then they are made of the published file again, and enqueue puts them there.
      if (!isShowtellError(error, 'NOT_FOUND') && !isShowtellError(error, 'CORRUPT_OBJECT')) throw error;
    }
  const path = await fetchImagenet({ url, md5, folder, ...rest });
  return { ...resolved(await readWeightsFile(path), spec, `imagenet: Keras' own, ${path}`), ...published };
}

async function resolveAddress(spec: string, { folder = defaultFolder(), ...rest }: ResolveOptions): Promise<ResolvedWeights> {
  if (!URL.canParse(spec)) throw new ShowtellError('USAGE', `Expected an address for the weights but received ${spec}`);
  const url = new URL(spec);
  const hex = /^#sha256=([0-9a-f]{64})$/i.exec(url.hash)?.[1]?.toLowerCase();
  if (hex === undefined && url.hash !== '')
    throw new ShowtellError('USAGE', `Expected #sha256= and 64 hexadecimal digits behind ${shown(url)} but received ${url.hash}`);
  url.hash = '';
  if (/\.onnx$/i.test(url.pathname))
    throw new ShowtellError('USAGE', `Expected the path of an ONNX model but received the address ${shown(url)}`, {
      hint: 'Download it and the JSON file that describes it, and name its path.',
    });
  // Two addresses never share a file, whatever they call it.
  const name = `${sha256(Buffer.from(url.href)).slice(0, 12)}-${basename(url.pathname)
    .replace(/[^\w.-]/g, '_')
    .slice(-80)}`;
  const path = await download(url, { folder, name, ...(hex !== undefined && { expected: { algorithm: 'sha256', hex } }), ...rest });
  return resolved(await readWeightsFile(path), shown(url), shown(url));
}

const defaultFolder = () => join(process.cwd(), WORK_FOLDER, 'weights');

function resolved(weights: EncoderWeights, spec: string, origin: string): ResolvedWeights {
  const bytes = encodeWeights(weights);
  const { dimension, input } = weights;
  const description = `${origin}, ${dimension}-d, input ${input}`;
  return {
    bytes,
    sha256: sha256(bytes),
    encoder: ENCODER,
    preprocessing: PREPROCESSING,
    precisions: Precision.options,
    dimension,
    description,
    spec,
  };
}

async function resolvedCustom(path: string, origin: string): Promise<ResolvedWeights> {
  const { bytes, custom } = await resolveCustom(path);
  const { name, input, output } = custom.description;
  return {
    bytes,
    sha256: sha256(bytes),
    encoder: name,
    preprocessing: preprocessingOf(input.side),
    // Its author chose the numbers that it computes with.
    precisions: ['float32'],
    dimension: output.dimension,
    description: `${origin}: ${name}, ${output.dimension}-d, side ${input.side}`,
    spec: origin,
  };
}
