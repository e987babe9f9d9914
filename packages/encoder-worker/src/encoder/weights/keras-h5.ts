import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { ShowtellError } from '@showtell/shared/errors';
import { inputScalingOf } from './keras-config';
import { collectWeights, type EncoderWeights, type FoundTensor } from './tensors';

/** What the reading thread found: every tensor by `<layer>/<variable>`, or what is wrong with the file. */
export type KerasFile =
  | {
      readonly tensors: Map<string, FoundTensor>;
      /** The layers' own names in the file. */
      readonly layers: readonly string[];
      /** The model's configuration as JSON, where the file has it. */
      readonly config?: string | undefined;
    }
  | { readonly broken: string }
  | { readonly other: string };

/** The compiled entry, also when this file runs from its source. */
const ENTRY = join(__dirname, '..', '..', '..', 'dist', 'encoder', 'weights', 'keras-h5-main.js');

export interface KerasFileOptions {
  /** Names the file in errors. Default: its path. */
  readonly where?: string;
  /** The model's configuration (JSON), where it lies beside the file. */
  readonly config?: string | undefined;
  /** Longest time for reading it, ms. */
  readonly limit?: number;
}

/** A hundred times what a whole model takes. */
const LIMIT = 120_000;

/**
 * Reads InceptionV3 weights from an HDF5 file in any layout of Keras, with or without its top, alone or as a part of a model.
 * HDF5 runs in a thread of its own: a damaged file can then break nothing but the thread, and for as long as it may.
 * @throws ShowtellError `WEIGHTS_INVALID`
 */
export async function readKerasFile(path: string, options: KerasFileOptions = {}): Promise<EncoderWeights> {
  const { where = path, limit = LIMIT } = options;
  const file = await new Promise<KerasFile>((done, failed) => {
    const worker = new Worker(ENTRY, { workerData: path, execArgv: [] });
    const timer = setTimeout(() => {
      failed(
        new ShowtellError('WEIGHTS_INVALID', `Reading the weights file ${where} took longer than ${limit / 1_000} s`, { hint: CUT_SHORT }),
      );
      void worker.terminate();
    }, limit);
    worker.once('exit', () => clearTimeout(timer));
    worker.once('message', done);
    worker.once('error', (cause: Error) =>
      failed(new ShowtellError('WEIGHTS_INVALID', `Reading the weights file ${where} failed: ${cause.message}`, { cause })),
    );
    worker.once('exit', (code) => failed(new ShowtellError('BUG', `The thread that reads ${where} ended with code ${code} and no answer`)));
  });
  return weightsOf(file, where, options.config);
}

/** The weights in a file. @param beside `config` of `readKerasFile`. @throws ShowtellError `WEIGHTS_INVALID`, which says what is wrong with it */
export function weightsOf(file: KerasFile, where: string, beside?: string): EncoderWeights {
  if ('broken' in file) throw new ShowtellError('WEIGHTS_INVALID', `${where} cannot be read as HDF5: ${file.broken}`, { hint: CUT_SHORT });
  if ('other' in file) throw new ShowtellError('WEIGHTS_INVALID', `${where} is not an InceptionV3: ${file.other}`);
  const config = beside ?? file.config;
  const input = config === undefined ? 'x/127.5-1' : inputScalingOf(config, new Set(file.layers), where);
  return collectWeights((layer, variable) => file.tensors.get(`${layer}/${variable}`), input, where);
}

const CUT_SHORT = 'It is damaged or was cut short: copy or download it again.';
