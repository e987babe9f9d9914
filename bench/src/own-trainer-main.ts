import { readFileSync } from 'node:fs';
import { onnxruntimeVersion } from '@showtell/shared/onnx/session';
import { decodeSafetensors } from '@showtell/shared/safetensors';
import type { Batch, TrainingEngine } from '@showtell/trainer/engine/engine';
import { createOnnxTrainingEngine } from '@showtell/trainer/engine/onnx';
import { answerRequests } from './answer-requests';
import type { BenchReply, BenchRequest } from './protocol';
import type { CaptionsFile, OpenTrainerRequest } from './train-inputs';

/** Our trainer under test: the counterpart of the programs `peers/*_train_peer.py`. Batches are put together within the time. */
let engine: TrainingEngine;
let captions: readonly Int32Array[];
let images: readonly number[];
let features: Float32Array;
let dimension: number;

async function open(request: OpenTrainerRequest): Promise<BenchReply> {
  const file = JSON.parse(readFileSync(request.captions, 'utf8')) as CaptionsFile;
  captions = file.captions.map((caption) => Int32Array.from(caption));
  images = file.images;
  features = new Float32Array(new Uint8Array(readFileSync(request.features)).buffer);
  dimension = request.dimension;
  const { hyperparameters, vocabularySize, threads } = request;
  const { tensors: initial } = decodeSafetensors(readFileSync(request.weights), request.weights);
  engine = await createOnnxTrainingEngine({ hyperparameters, vocabularySize, dimension, totalSteps: 1_000, threads, initial, seed: 0 });
  return { type: 'ready', device: 'cpu', versions: { onnxruntime: onnxruntimeVersion() } };
}

function batchOf(chosen: readonly number[]): Batch {
  const rows = new Float32Array(chosen.length * dimension);
  chosen.forEach((caption, row) => {
    const image = images[caption]!;
    rows.set(features.subarray(image * dimension, (image + 1) * dimension), row * dimension);
  });
  return { features: rows, captions: chosen.map((caption) => captions[caption]!) };
}

async function train(batches: readonly (readonly number[])[]): Promise<BenchReply> {
  const losses: number[] = [];
  const startedAt = performance.now();
  for (const batch of batches) losses.push((await engine.step(batchOf(batch))).loss);
  return { type: 'trained', seconds: (performance.now() - startedAt) / 1_000, losses };
}

async function answer(request: BenchRequest): Promise<BenchReply> {
  if (request.type === 'open-trainer') return open(request);
  if (request.type === 'train') return train(request.batches);
  throw new Error(`Expected open-trainer or train but received ${request.type}`);
}

async function main(): Promise<void> {
  await answerRequests(answer);
  await engine?.close();
}

void main();
