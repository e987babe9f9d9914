import { open, readdir, readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { ShowtellError } from '@showtell/shared/errors';
import { type FileKind, HEAD_BYTES, kindOf, kindOfFolder, TAIL_BYTES } from './foreign-file';
import { readKerasArchive } from './keras-archive';
import { readKerasFile } from './keras-h5';
import { decodeWeights, type EncoderWeights } from './tensors';

/** More than any InceptionV3 takes, with its optimizer and in any layout. */
const MOST_BYTES = 2 ** 30;

/**
 * Reads InceptionV3 weights from a file of any supported layout, told apart by its content: Keras' `.h5`, `.weights.h5` and `.keras`, and
 * Showtell's own safetensors.
 * @throws ShowtellError `WEIGHTS_INVALID`, which says what the file is instead
 */
export async function readWeightsFile(path: string): Promise<EncoderWeights> {
  const kind = await recognise(path);
  if (kind === 'hdf5') return readKerasFile(path);
  if (kind === 'zip') return readKerasArchive(path);
  if (kind === 'safetensors') return decodeWeights(await readFile(path), path);
  throw new ShowtellError('WEIGHTS_INVALID', `Expected encoder weights in ${path} but it is ${kind.is}`, { hint: kind.hint });
}

async function recognise(path: string): Promise<FileKind> {
  try {
    const info = await stat(path);
    if (info.isDirectory()) return kindOfFolder(await readdir(path));
    if (!info.isFile()) return { is: 'no regular file', hint: 'Name a file on a disk.' };
    if (info.size > MOST_BYTES)
      return {
        is: `${info.size} bytes long, where at most ${MOST_BYTES} are expected`,
        hint: 'Save the weights alone, without other data.',
      };
    const file = await open(path);
    try {
      const read = async (length: number, position: number) => {
        const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
        return buffer.subarray(0, bytesRead);
      };
      return kindOf(await read(HEAD_BYTES, 0), await read(TAIL_BYTES, Math.max(0, info.size - TAIL_BYTES)), basename(path));
    } finally {
      await file.close();
    }
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const problem = code === 'ENOENT' ? `There is no weights file ${path}` : `The weights file ${path} cannot be read: ${message}`;
    throw new ShowtellError('WEIGHTS_INVALID', problem, {
      cause,
      hint: 'Expected bundled, imagenet, or the path or address of a .h5, .keras or .safetensors file.',
    });
  }
}
