import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Script } from 'node:vm';
import { ShowtellError } from '@showtell/shared/errors';
import { collectWeights, type EncoderWeights, type FoundTensor } from './tensors';

/** What a TensorFlow.js layers model says of a tensor: uint8 `q` stands for `q * scale + min`. */
interface ManifestTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly quantization?: { readonly dtype: string; readonly scale: number; readonly min: number };
}

interface Model {
  readonly weightsManifest: readonly { readonly paths: readonly string[]; readonly weights: readonly ManifestTensor[] }[];
}

/**
 * The real InceptionV3 that the npm package `nsfwjs` ships: Keras' topology and names, fine-tuned on other photos,
 * uint8-quantised per tensor, fed with x/255. 2048-d. Serves offline; its own top (three dense layers) is left out.
 * TensorFlow.js itself is not loaded.
 */
export function readBundledWeights(): EncoderWeights {
  const where = 'the model inception_v3 of the npm package nsfwjs';
  const folder = bundledFolder();
  const model = readModule(join(folder, 'model.min.js')) as Model;
  const tensors = new Map<string, FoundTensor>();
  for (const { paths, weights } of model.weightsManifest) {
    const bytes = Buffer.concat(paths.map((path) => Buffer.from(readModule(join(folder, `${path}.min.js`)) as string, 'base64')));
    let offset = 0;
    for (const { name, shape, quantization } of weights) {
      if (quantization?.dtype !== 'uint8')
        throw new ShowtellError(
          'WEIGHTS_INVALID',
          `Expected uint8 quantisation of ${name} in ${where} but received ${quantization?.dtype}`,
        );
      const { scale, min } = quantization;
      const length = shape.reduce((product, size) => product * size, 1);
      if (offset + length > bytes.length)
        throw new ShowtellError('WEIGHTS_INVALID', `${where} ends early: ${name} lies at ${offset} of ${bytes.length} bytes`);
      const data = new Float32Array(length);
      for (let index = 0; index < length; index++) data[index] = bytes[offset + index]! * scale + min;
      tensors.set(name, { shape, data });
      offset += length;
    }
  }
  return collectWeights((layer, variable) => tensors.get(`${layer}/${variable}`), 'x/255', where);
}

function bundledFolder(): string {
  try {
    return join(dirname(require.resolve('nsfwjs')), 'models', 'inception_v3');
  } catch (cause) {
    throw new ShowtellError('WEIGHTS_INVALID', 'The npm package nsfwjs, which holds the bundled weights, is not installed', {
      cause,
      hint: 'Run npm ci again, or name a Keras weights file.',
    });
  }
}

/** Runs one of the package's files without the module cache, which would keep 30 MB of base64 text for good. */
function readModule(path: string): unknown {
  const module = { exports: undefined as unknown };
  new Script(`(function (module, exports) {${readFileSync(path, 'utf8')}\n})`, { filename: path }).runInThisContext()(module, {});
  return module.exports;
}
