import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { ShowtellError } from '@showtell/shared/errors';
import { collectWeights, type EncoderWeights, type FoundTensor } from './tensors';

/** Layouts in which Keras writes an InceptionV3. */
export type KerasLayout = 'published' | 'keras3-legacy' | 'whole-model' | 'keras3-weights';

/** From the reading thread: every tensor by `<layer>/<variable>`, or what is wrong with the file. */
export type KerasFile = { readonly layout: KerasLayout; readonly tensors: Map<string, FoundTensor> } | { readonly problem: string };

const NOT_YET: Readonly<Record<Exclude<KerasLayout, 'published'>, string>> = {
  'keras3-legacy': 'a Keras 3 legacy .h5 weights file',
  'whole-model': 'a whole-model .h5 file',
  'keras3-weights': 'a Keras 3 .weights.h5 file',
};

/** The compiled entry, also when this file runs from its source. */
const ENTRY = join(__dirname, '..', '..', '..', 'dist', 'encoder', 'weights', 'keras-h5-main.js');

/**
 * Reads InceptionV3 weights from a Keras `.h5` file in the published layout, with or without its top.
 * HDF5 runs in a thread of its own: a damaged file can then break nothing but the thread.
 * @throws ShowtellError `WEIGHTS_INVALID`
 */
export async function readKerasFile(path: string): Promise<EncoderWeights> {
  const file = await new Promise<KerasFile>((done, failed) => {
    const worker = new Worker(ENTRY, { workerData: path, execArgv: [] });
    worker.once('message', done);
    worker.once('error', (cause: Error) =>
      failed(new ShowtellError('WEIGHTS_INVALID', `Reading the weights file ${path} failed: ${cause.message}`, { cause })),
    );
    worker.once('exit', (code) => failed(new ShowtellError('BUG', `The thread that reads ${path} ended with code ${code} and no answer`)));
  });
  if ('problem' in file) throw new ShowtellError('WEIGHTS_INVALID', `${path} cannot be read as HDF5: ${file.problem}`);
  if (file.layout !== 'published')
    throw new ShowtellError('WEIGHTS_INVALID', `${path} is ${NOT_YET[file.layout]}, a layout that is not supported yet`, {
      hint: 'Supported is the layout of the published InceptionV3 .h5 weights.',
    });
  return collectWeights((layer, variable) => file.tensors.get(`${layer}/${variable}`), 'x/127.5-1', path);
}
