import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isShowtellError, ShowtellError } from '@showtell/shared/errors';
import { pixelBytes } from '@showtell/shared/image/limits';
import { withTemporaryFolder } from '@showtell/shared/temporary-folder';
import { startEngineProcess } from '../../engine-process';
import { defaultThreads } from '../engines/engine';
import { type CustomModel, decodeCustomFile, encodeCustomFile, isDescribed } from './custom-file';
import { HINT, parseWritten } from './description';

/**
 * Reads `model.onnx` with `model.json` beside it, and tries whether it encodes as described.
 * A model that came out of a store carries its description and needs no JSON file.
 * @returns the one file of both.
 * @throws ShowtellError `WEIGHTS_INVALID`.
 */
export async function resolveCustom(path: string): Promise<{ readonly bytes: Buffer; readonly custom: CustomModel }> {
  const model = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
    throw new ShowtellError('WEIGHTS_INVALID', missing(cause, 'model', path), { cause });
  });
  const described = isDescribed(model, path);
  const jsonPath = path.replace(/(\.onnx)?$/i, '.json');
  const text = await readFile(jsonPath, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT' && described) return undefined;
    throw new ShowtellError('WEIGHTS_INVALID', missing(cause, 'description', jsonPath), { cause, hint: HINT });
  });
  const bytes = text === undefined ? model : encodeCustomFile(model, parseWritten(text, jsonPath));
  const custom = decodeCustomFile(bytes, path);
  await tryOut(bytes, custom, path);
  return { bytes, custom };
}

const missing = ({ code, message }: NodeJS.ErrnoException, what: string, path: string) =>
  code === 'ENOENT'
    ? `There is no ${path}${what === 'description' ? ', which says what the model takes and gives' : ''}`
    : `The ${what} ${path} cannot be read: ${message}`;

/**
 * Encodes a grey picture and a striped one, in a process of its own: a model can bring onnxruntime down, and this process with it.
 * Two at once, where the model says that it takes any number: some say so and do not.
 */
async function tryOut(bytes: Buffer, { description, batch }: CustomModel, path: string): Promise<void> {
  const { side } = description.input;
  const { name, pooling, dimension } = description.output;
  const invalid = (problem: string, cause?: unknown) => new ShowtellError('WEIGHTS_INVALID', `${path} ${problem}`, { cause });
  const count = batch ?? 2;
  const features = await encodeTwo(bytes, side, count).catch((cause: Error) => {
    if (isShowtellError(cause, 'DISK_FULL') || isShowtellError(cause, 'FILE_DENIED')) throw cause;
    throw invalid(`cannot encode ${count === 1 ? 'a picture' : 'two pictures at once'}: ${firstLine(cause)}`, cause);
  });
  if (features.length !== count * dimension)
    throw invalid(
      `gives a feature of ${features.length / count} numbers but its description says ${dimension} (output ${name}, pooling "${pooling}")`,
    );
  const bad = features.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) throw invalid(`gives ${features[bad]} at place ${bad % dimension} of the feature of a plain picture`);
}

async function encodeTwo(bytes: Buffer, side: number, count: number): Promise<Float32Array> {
  return withTemporaryFolder('the encoder', async (folder) => {
    const weights = join(folder, 'encoder');
    await writeFile(weights, bytes);
    const engine = await startEngineProcess({ weights, precision: 'float32', engine: 'onnx', device: 'cpu', threads: defaultThreads() });
    try {
      const pixels = Buffer.alloc(count * pixelBytes(side), 128);
      for (let at = pixels.length - pixelBytes(side); at < pixels.length; at++) pixels[at] = (at * 37) % 256;
      return await engine.encode(pixels, count);
    } finally {
      await engine.close();
    }
  });
}

const firstLine = ({ message }: Error) => message.trim().split('\n')[0]!;
