import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { crc32 } from 'node:zlib';
import { isShowtellError, ShowtellError } from '@showtell/shared/errors';
import { localFileError } from '@showtell/shared/local-file-error';
import { type Entry, openPromise, type ZipFile } from 'yauzl';
import { kindOfArchive } from './foreign-file';
import { readKerasFile } from './keras-h5';
import type { EncoderWeights } from './tensors';

/** Keras writes these names; the rest of an archive is not looked at. */
const WEIGHTS = 'model.weights.h5';
const CONFIG = 'config.json';
/** With its optimizer a full InceptionV3 has 290 MB. What says less than it unpacks to is stopped there. */
const MOST_BYTES: Readonly<Record<string, number>> = { [WEIGHTS]: 2 ** 30, [CONFIG]: 2 ** 26 };
const MOST_ENTRIES = 10_000;

/**
 * Reads InceptionV3 weights from a `.keras` file: a zip archive, stored or compressed, whose `model.weights.h5` holds them.
 * @throws ShowtellError `WEIGHTS_INVALID`, `DISK_FULL` (the weights are unpacked into a temporary file for HDF5)
 */
export async function readKerasArchive(path: string): Promise<EncoderWeights> {
  const folder = await mkdtemp(join(tmpdir(), 'showtell-keras-'));
  const unpacked = join(folder, WEIGHTS);
  let archive: ZipFile | undefined;
  try {
    archive = await openPromise(path, { autoClose: false, lazyEntries: true });
    const entries = await findEntries(archive, path);
    const config = entries.get(CONFIG);
    const pieces: Buffer[] = [];
    if (config) for await (const piece of checked(archive, config, path)) pieces.push(piece);
    await pipeline(checked(archive, entries.get(WEIGHTS)!, path), createWriteStream(unpacked, { flags: 'wx' }));
    return await readKerasFile(unpacked, {
      where: `${WEIGHTS} in ${path}`,
      ...(config && { config: Buffer.concat(pieces).toString('utf8') }),
    });
  } catch (error) {
    const explained = localFileError(error, 'unpack the weights to', unpacked);
    if (isShowtellError(explained)) throw explained;
    throw new ShowtellError('WEIGHTS_INVALID', `${path} cannot be read as a zip archive: ${(error as Error).message}`, {
      cause: error,
      hint: 'It is damaged or was cut short: copy or download it again.',
    });
  } finally {
    archive?.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** The entries by name; their sizes are within the limits. */
async function findEntries(archive: ZipFile, path: string): Promise<Map<string, Entry>> {
  const invalid = (problem: string, hint?: string) =>
    new ShowtellError('WEIGHTS_INVALID', `${path} ${problem}`, hint === undefined ? {} : { hint });
  if (archive.entryCount > MOST_ENTRIES) throw invalid(`is no .keras file: expected 3 entries but received ${archive.entryCount}`);
  const names: string[] = [];
  const entries = new Map<string, Entry>();
  for await (const entry of archive.eachEntry()) {
    const { fileName, uncompressedSize } = entry;
    names.push(fileName);
    const most = MOST_BYTES[fileName];
    if (most === undefined) continue;
    if (entries.has(fileName)) throw invalid(`has ${fileName} twice`);
    if (!entry.canDecodeFileData()) throw invalid(`has ${fileName} encrypted, or compressed in a way that is not supported`);
    if (uncompressedSize > most) throw invalid(`has ${fileName} of ${uncompressedSize} bytes, where at most ${most} are expected`);
    entries.set(fileName, entry);
  }
  if (entries.has(WEIGHTS)) return entries;
  const { is, hint } = kindOfArchive(names);
  throw invalid(`is ${is}`, hint);
}

/** The bytes of an entry. Their number is checked by yauzl, their checksum here, which HDF5 would not notice. */
async function* checked(archive: ZipFile, entry: Entry, path: string): AsyncGenerator<Buffer> {
  const stream: Readable = await archive.openReadStreamPromise(entry);
  let sum = 0;
  for await (const chunk of stream) {
    sum = crc32(chunk as Buffer, sum);
    yield chunk as Buffer;
  }
  if (sum !== entry.crc32)
    throw new ShowtellError('WEIGHTS_INVALID', `${entry.fileName} in ${path} is damaged: its checksum is another`, {
      hint: 'Copy or download it again.',
    });
}
