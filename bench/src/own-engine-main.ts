import { readFileSync } from 'node:fs';
import type { EncoderEngine, EngineOptions } from '@showtell/encoder-worker/encoder/engines/engine';
import { openEngine } from '@showtell/encoder-worker/encoder/engines/open';
import { PIXEL_BYTES } from '@showtell/shared/image/limits';
import { answerRequests } from './answer-requests';
import { type BenchReply, type BenchRequest, encodeFeatures, type OpenRequest } from './protocol';

/** An engine of ours under test, as workers open it on a machine of their own (`worker encoder --spin`): the counterpart of the programs in `peers/`. */
let engine: EncoderEngine;
let photos: Buffer;

/** Photos from `start`, round and round. */
function batchOf(start: number, count: number): Uint8Array {
  const stored = photos.length / PIXEL_BYTES;
  const batch = new Uint8Array(count * PIXEL_BYTES);
  for (let index = 0; index < count; index++) {
    const from = ((start + index) % stored) * PIXEL_BYTES;
    batch.set(photos.subarray(from, from + PIXEL_BYTES), index * PIXEL_BYTES);
  }
  return batch;
}

async function open({ weights, device, precision, variant, threads, pixels }: OpenRequest): Promise<BenchReply> {
  photos = readFileSync(pixels);
  const options = { weights, device, precision, engine: variant, threads, batch: 'measured', spin: true };
  engine = await openEngine(options as EngineOptions);
  globalThis.gc?.();
  const { deviceName, versions } = engine.description;
  return { type: 'ready', device: deviceName, versions };
}

async function measure(batch: number, repeats: number): Promise<BenchReply> {
  const batches = Array.from({ length: repeats }, (_, index) => batchOf(index * batch, batch));
  const startedAt = performance.now();
  for (const pixels of batches) await engine.encode(pixels, batch);
  return { type: 'ran', seconds: (performance.now() - startedAt) / 1_000 };
}

async function answer(request: BenchRequest): Promise<BenchReply> {
  if (request.type === 'open') return open(request);
  if (request.type === 'run') return measure(request.batch, request.repeats);
  if (request.type === 'features')
    return { type: 'features', data: encodeFeatures(await engine.encode(batchOf(0, request.count), request.count)) };
  throw new Error(`Expected open, features or run but received ${request.type}`);
}

async function main(): Promise<void> {
  await answerRequests(answer);
  await engine?.close();
}

void main();
