import './no-telemetry';
import * as ort from 'onnxruntime-node';
import { cudaIndex, type Device, isCuda } from '../device';
import { checkCuda, cudaFailure } from './cuda';
import { Graph } from './graph';

export { Tensor } from 'onnxruntime-node';
export type Session = ort.InferenceSession;
export type Feeds = ort.InferenceSession.FeedsType;

/** The next part is what is left, divided by the threads and by this. */
const BLOCK_BASE = '4';
/** Input channels that a 1×1 convolution adds up at a time: with 256 InceptionV3 is 1 % faster than with the 128 of onnxruntime. */
const POINTWISE_CHANNELS = '256';

export interface SessionOptions {
  /** Default: the CPU. On a GPU every operator runs there, or the session is not opened. */
  readonly device?: Device;
  /** On a GPU, operators that CUDA has no kernel for may run on the CPU: models that others exported compute shapes there. */
  readonly mixed?: boolean;
  /** Intra-op threads; 0 lets onnxruntime take every core. */
  readonly threads?: number;
  /**
   * Whether idle threads spin, or for how many microseconds. Off where several sessions share the machine, or they halve each other's
   * speed; a few microseconds bridge the gaps between many small operators and keep nobody waiting.
   */
  readonly spinning?: boolean | number;
  /**
   * Cuts the work of an operator into parts that shrink towards its end, so that a thread whose core is taken away for a moment is
   * not waited for. Results keep their bits.
   */
  readonly balanced?: boolean;
  /**
   * Whether onnxruntime rearranges a model for the CPU at hand. Off for models in float16: it (1.30) dies of a transformer with
   * SIGSEGV then, as PyTorch exports it.
   */
  readonly rearranged?: boolean;
  /** Whether memory of a run is planned as one block, per input shape. Off it takes less of it, where activations are large. */
  readonly memoryPattern?: boolean;
}

/**
 * Opens a model. `run()` of a session is synchronous inside its promise: it blocks the event loop of the process
 * that calls it, so whoever holds a lock or a heartbeat must call it in another process.
 * @throws ShowtellError `DEVICE_UNAVAILABLE` with the reason and the fix, when it is to run on a GPU and cannot.
 */
export async function openSession(model: Uint8Array, options: SessionOptions = {}): Promise<Session> {
  const { device = 'cpu', mixed = false } = options;
  if (!isCuda(device)) return create(model, options, []);
  if (mixed) await (await openSession(probeGraph(), { device })).release();
  await checkCuda(device);
  // Both are read when CUDA begins: numbers as nvidia-smi counts, and float32 that is no shortened TF32.
  process.env['CUDA_DEVICE_ORDER'] ??= 'PCI_BUS_ID';
  process.env['NVIDIA_TF32_OVERRIDE'] ??= '0';
  try {
    return await create(model, options, [{ name: 'cuda', deviceId: cudaIndex(device) }], !mixed);
  } catch (cause) {
    throw await cudaFailure(cause as Error, device);
  }
}

/** @param strict refuses a session of which one operator would run on the CPU. Without it onnxruntime puts it there and says nothing. */
async function create(
  model: Uint8Array,
  options: SessionOptions,
  providers: ort.InferenceSession.ExecutionProviderConfig[],
  strict = false,
): Promise<Session> {
  return ort.InferenceSession.create(model, {
    executionProviders: providers.length === 0 ? ['cpu'] : providers,
    executionMode: 'sequential',
    graphOptimizationLevel: options.rearranged === false ? 'extended' : 'all',
    enableMemPattern: options.memoryPattern ?? true,
    intraOpNumThreads: options.threads ?? 0,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
    extra: {
      session: {
        intra_op: {
          allow_spinning: options.spinning === false ? '0' : '1',
          ...(typeof options.spinning === 'number' && { spin_duration_us: String(options.spinning) }),
        },
        ...(options.balanced && { dynamic_block_base: BLOCK_BASE }),
        ...(strict && { disable_cpu_ep_fallback: '1' }),
      },
      mlas: { nchwc_pointwise_conv_max_input_channel_batch: POINTWISE_CHANNELS },
    },
  });
}

/** The smallest graph that a device can fail at. */
export function probeGraph(): Uint8Array {
  const graph = new Graph();
  graph.op('Relu', [graph.input('x', 'float32', [1])], {}, { output: 'y' });
  graph.output('y', 'float32', [1]);
  return graph.encode();
}

/** Version of the library in use, for commit records and `doctor`. */
export function onnxruntimeVersion(): string {
  return ort.env.versions.common ?? 'unknown';
}
