import { readFile } from 'node:fs/promises';
import { ShowtellError } from '@showtell/shared/errors';
import { pixelBytes } from '@showtell/shared/image/limits';
import { openSession, Tensor } from '@showtell/shared/onnx/session';
import { customGraph } from '../engines/onnx-custom-graph';
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
  await tryOut(custom, path);
  return { bytes, custom };
}

const missing = ({ code, message }: NodeJS.ErrnoException, what: string, path: string) =>
  code === 'ENOENT'
    ? `There is no ${path}${what === 'description' ? ', which says what the model takes and gives' : ''}`
    : `The ${what} ${path} cannot be read: ${message}`;

/** Encodes a grey picture and a striped one. */
async function tryOut(custom: CustomModel, path: string): Promise<void> {
  const { side } = custom.description.input;
  const { dimension } = custom.description.output;
  const invalid = (problem: string, cause?: unknown) => new ShowtellError('WEIGHTS_INVALID', `${path} ${problem}`, { cause });
  const session = await openSession(customGraph(custom)).catch((cause: Error) => {
    throw invalid(`cannot be opened by onnxruntime: ${firstLine(cause)}`, cause);
  });
  try {
    const count = custom.batch ?? 2;
    const pixels = Buffer.alloc(count * pixelBytes(side), 128);
    for (let at = pixels.length - pixelBytes(side); at < pixels.length; at++) pixels[at] = (at * 37) % 256;
    const result = await session
      .run({ [session.inputNames[0]!]: new Tensor('uint8', pixels, [count, side, side, 3]) })
      .catch((cause: Error) => {
        throw invalid(`cannot encode ${count === 1 ? 'a picture' : 'two pictures at once'}: ${firstLine(cause)}`, cause);
      });
    const { dims, data } = result[session.outputNames[0]!]!;
    if (dims[0] !== count || dims[1] !== dimension)
      throw invalid(
        `gives ${dims[0]} features of ${dims[1]} numbers for ${count} pictures but its description says ${dimension} (output ${custom.description.output.name}, pooling "${custom.description.output.pooling}")`,
      );
    const bad = (data as Float32Array).findIndex((value) => !Number.isFinite(value));
    if (bad >= 0) throw invalid(`gives ${(data as Float32Array)[bad]} at place ${bad % dimension} of the feature of a plain picture`);
  } finally {
    await session.release();
  }
}

const firstLine = ({ message }: Error) => message.trim().split('\n')[0]!;
