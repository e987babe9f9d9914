import { parentPort, workerData } from 'node:worker_threads';
import { readKeras } from './keras-reader';

/** The thread of `readKerasFile`: hands over what it reads. */
void (async () => {
  const file = await readKeras(workerData as string);
  parentPort!.postMessage(file, 'tensors' in file ? Array.from(file.tensors.values(), ({ data }) => data.buffer as ArrayBuffer) : []);
})();
