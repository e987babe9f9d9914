import { parentPort, workerData } from 'node:worker_threads';
import { openSession, Tensor } from '@showtell/shared/onnx/session';
import type { SessionThreadData, ThreadReply, ThreadRequest } from './session-threads';

/** One thread of `SessionThreads`: opens its session, answers requests in order, ends when told to. */
const { model, threads, side } = workerData as SessionThreadData;
const port = parentPort!;
const reply = (message: ThreadReply, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);

const session = openSession(model, { threads, spinning: false, memoryPattern: false });
session.then(
  () => reply({ type: 'ready' }),
  (error: Error) => reply({ type: 'failed', error }),
);

async function answer(request: ThreadRequest): Promise<void> {
  if (request.type === 'close') {
    await (await session).release();
    return port.close();
  }
  const { pixels, count } = request;
  const opened = await session;
  const result = await opened.run({ [opened.inputNames[0]!]: new Tensor('uint8', pixels, [count, side, side, 3]) });
  // A copy: the tensor's own memory is onnxruntime's.
  const features = Float32Array.from(result[opened.outputNames[0]!]!.data as Float32Array);
  reply({ type: 'features', features }, [features.buffer]);
}

port.on('message', (request: ThreadRequest) => {
  answer(request).catch((error: Error) => reply({ type: 'failed', error }));
});
