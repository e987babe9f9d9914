import './no-telemetry';
import * as ort from 'onnxruntime-node';

export { Tensor } from 'onnxruntime-node';
export type Session = ort.InferenceSession;
export type Feeds = ort.InferenceSession.FeedsType;

export interface SessionOptions {
  /** Intra-op threads; 0 lets onnxruntime take every core. */
  readonly threads?: number;
  /** Whether idle threads spin. Off where several sessions share the machine, or they halve each other's speed. */
  readonly spinning?: boolean;
  /** Whether memory of a run is planned as one block, per input shape. Off it takes less of it, where activations are large. */
  readonly memoryPattern?: boolean;
}

/**
 * Opens a model on the CPU. `run()` of a session is synchronous inside its promise: it blocks the event loop of the process
 * that calls it, so whoever holds a lock or a heartbeat must call it in another process.
 */
export async function openSession(model: Uint8Array, options: SessionOptions = {}): Promise<Session> {
  return ort.InferenceSession.create(model, {
    executionProviders: ['cpu'],
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    enableMemPattern: options.memoryPattern ?? true,
    intraOpNumThreads: options.threads ?? 0,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
    extra: { session: { intra_op: { allow_spinning: options.spinning === false ? '0' : '1' } } },
  });
}

/** Version of the library in use, for commit records and `doctor`. */
export function onnxruntimeVersion(): string {
  return ort.env.versions.common ?? 'unknown';
}
