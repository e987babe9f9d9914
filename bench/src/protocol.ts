import type { OpenTrainerRequest } from './train-inputs';

/** What the bench and an encoder or trainer under test say to each other: one JSON object a line, one reply to each request. */
export type BenchRequest =
  | ({ readonly type: 'open' } & OpenRequest)
  /** Features of the first photos, to be compared before anything is timed. */
  | { readonly type: 'features'; readonly count: number }
  /** Encodes `repeats` batches that lie in memory. */
  | { readonly type: 'run'; readonly batch: number; readonly repeats: number }
  | ({ readonly type: 'open-trainer' } & OpenTrainerRequest)
  /** Trains on these batches, each a list of caption numbers, one after another. */
  | { readonly type: 'train'; readonly batches: readonly (readonly number[])[] };

export interface OpenRequest {
  /** Canonical float32 safetensors; for our own int8 engine the calibrated file. */
  readonly weights: string;
  /** JSON: the layers of InceptionV3 and the scaling of its input. */
  readonly topology: string;
  /** Raw uint8 [n, 299, 299, 3]. */
  readonly pixels: string;
  /** As `pixels`: other photos, for those who quantise. */
  readonly calibration: string;
  readonly device: string;
  readonly precision: string;
  /** `eager` or `compiled`, where an engine has both. */
  readonly variant: string;
  readonly threads: number;
  /** A folder for what may be kept from run to run. */
  readonly cache: string;
}

export interface ReplyOf {
  open: { readonly type: 'ready'; readonly device: string; readonly versions: Readonly<Record<string, string>> };
  features: { readonly type: 'features'; readonly data: string };
  run: { readonly type: 'ran'; readonly seconds: number };
  'open-trainer': ReplyOf['open'];
  /** `losses` before each step, the mean per real token. */
  train: { readonly type: 'trained'; readonly seconds: number; readonly losses: readonly number[] };
}
export type BenchReply = ReplyOf[keyof ReplyOf] | { readonly type: 'error'; readonly message: string };

const REPLY = { open: 'ready', features: 'features', run: 'ran', 'open-trainer': 'ready', train: 'trained' } as const satisfies {
  [T in keyof ReplyOf]: ReplyOf[T]['type'];
};

/** @throws Error with the peer's own message, or when the line is no reply to that request. */
export function parseReply<T extends keyof ReplyOf>(request: T, line: string): ReplyOf[T] {
  let reply: BenchReply;
  try {
    reply = JSON.parse(line) as BenchReply;
  } catch {
    throw new Error(`Expected a line of JSON but received ${JSON.stringify(line.slice(0, 100))}`);
  }
  if (reply.type === 'error') throw new Error(reply.message);
  if (reply.type !== REPLY[request]) throw new Error(`Expected ${REPLY[request]} in reply to ${request} but received ${reply.type}`);
  return reply as ReplyOf[T];
}

/** float32, little-endian. */
export function decodeFeatures(data: string): Float32Array {
  const bytes = Buffer.from(data, 'base64');
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

export function encodeFeatures(features: Float32Array): string {
  return Buffer.from(features.buffer, features.byteOffset, features.byteLength).toString('base64');
}
