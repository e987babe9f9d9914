import './node-compat';
import { dirname, join } from 'node:path';
import type * as Wasm from '@tensorflow/tfjs-backend-wasm';
import type * as Core from '@tensorflow/tfjs-core';
import { cudaIndex, type Device, isCuda } from '../device';
import { ShowtellError } from '../errors';
import { findBindings, type TensorflowBinding } from './bindings';

export type { Tensor, Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs-core';
/** Its operators, whatever computes them. */
export type Operators = typeof Core;

/** TensorFlow.js with something that computes. */
export interface Tensorflow {
  readonly tf: Operators;
  /** Of the CPU. */
  readonly threads: number;
  /** Library → version. */
  readonly versions: Readonly<Record<string, string>>;
}

export interface TensorflowOptions {
  /** A GPU or the CPU in TensorFlow itself, or WebAssembly, on one thread. */
  readonly device: Device;
  readonly threads: number;
  /** Where `showtell engine install` keeps TensorFlow; `tensorflowFolder`. */
  readonly folder: string;
}

/** Only those who use it load it. */
const core = () => require('@tensorflow/tfjs-core') as Operators;

/** Makes the operators differentiable, which the core's own bundle for Node leaves out: the layers bring the gradients along. */
export function registerGradients(): void {
  require('@tensorflow/tfjs-layers');
}

/** TensorFlow.js has one backend in a process, and TensorFlow reads its settings once. */
let loaded: { readonly options: TensorflowOptions; readonly tensorflow: Tensorflow } | undefined;

/**
 * Loads TensorFlow.js for a device, once in a process. Computing blocks the event loop.
 * @throws ShowtellError `DEVICE_UNAVAILABLE` when TensorFlow is not installed for that device, or cannot be loaded.
 */
export async function loadTensorflow(options: TensorflowOptions): Promise<Tensorflow> {
  const { device, threads } = options;
  const bindings = device === 'wasm' ? [] : bindingsFor(options);
  if (loaded !== undefined && (loaded.options.device !== device || loaded.options.threads !== threads))
    throw new ShowtellError(
      'BUG',
      `TensorFlow.js runs in this process on ${loaded.options.device} with ${loaded.options.threads} threads; ${device} with ${threads} needs another process`,
    );
  loaded ??= { options, tensorflow: device === 'wasm' ? await loadWasm() : await loadFirst(bindings, options) };
  return loaded.tensorflow;
}

/** What is loaded in this process already, else WebAssembly: for work of which it does not matter where it is computed. */
export async function loadAnyTensorflow(): Promise<Tensorflow> {
  return loaded?.tensorflow ?? loadTensorflow({ device: 'wasm', threads: 1, folder: '' });
}

/** The best first. The library for GPUs computes on CPUs as well, but not the other way round. */
function bindingsFor({ device, folder }: TensorflowOptions): TensorflowBinding[] {
  const flavour = isCuda(device) ? 'gpu' : 'cpu';
  const bindings = findBindings(folder).filter((binding) => binding.flavour === 'gpu' || flavour === 'cpu');
  if (bindings.length === 0)
    throw unavailable(
      device,
      `TensorFlow${flavour === 'gpu' ? ' for GPUs' : ''} is neither installed in ${folder} nor beside the npm package`,
    );
  return bindings.sort((a, b) => Number(b.flavour === flavour) - Number(a.flavour === flavour));
}

async function loadFirst(bindings: readonly TensorflowBinding[], options: TensorflowOptions): Promise<Tensorflow> {
  const failures: string[] = [];
  for (const binding of bindings)
    try {
      return await loadBinding(binding, options);
    } catch (error) {
      failures.push(`${binding.path}: ${(error as Error).message}`);
    }
  throw unavailable(options.device, failures.join('; '));
}

const unavailable = (device: Device, reason: string) =>
  new ShowtellError('DEVICE_UNAVAILABLE', `Expected TensorFlow on ${device} but ${reason}`, {
    hint: `Run showtell engine install tensorflow${isCuda(device) ? ' --gpu' : ''}, or take --device wasm, which needs no installing.`,
  });

interface NativeBinding {
  readonly TF_Version: string;
}
interface NativeBackend extends Core.KernelBackend {
  readonly isUsingGpuDevice: boolean;
}

/** The JavaScript of the npm package, without its entry, which knows only the addon inside `node_modules`. */
async function loadBinding({ path, javascript }: TensorflowBinding, { device, threads }: TensorflowOptions): Promise<Tensorflow> {
  prepareEnvironment(device, threads);
  const addon = require(path) as NativeBinding;
  require(join(javascript, 'dist', 'register_all_kernels.js'));
  const { NodeJSKernelBackend } = require(join(javascript, 'dist', 'nodejs_kernel_backend.js')) as {
    NodeJSKernelBackend: new (addon: NativeBinding, name: string) => NativeBackend;
  };
  const { name, version } = require(join(javascript, 'package.json')) as { name: string; version: string };
  const backend = new NodeJSKernelBackend(addon, name);
  if (isCuda(device) && !backend.isUsingGpuDevice) throw new Error('TensorFlow finds no GPU (see docs/gpu.md)');
  const tf = core();
  tf.registerBackend('tensorflow', () => backend);
  await tf.setBackend('tensorflow');
  return { tf, threads, versions: { tensorflow: addon.TF_Version, 'tfjs-node': version } };
}

/** TensorFlow reads these when its library is loaded and when it makes its device. */
function prepareEnvironment(device: Device, threads: number): void {
  const { env } = process;
  if (isCuda(device)) {
    const index = cudaIndex(device);
    env['CUDA_VISIBLE_DEVICES'] = env['CUDA_VISIBLE_DEVICES']?.split(',')[index] ?? String(index);
  } else env['CUDA_VISIBLE_DEVICES'] = '-1';
  env['TF_NUM_INTRAOP_THREADS'] = String(threads);
  env['TF_NUM_INTEROP_THREADS'] = '1';
  // Otherwise the whole memory of the GPU is taken at once, also from other workers.
  env['TF_FORCE_GPU_ALLOW_GROWTH'] ??= 'true';
  // Its greetings; warnings and errors stay.
  env['TF_CPP_MIN_LOG_LEVEL'] ??= '1';
}

async function loadWasm(): Promise<Tensorflow> {
  const { setWasmPaths, version_wasm: version } = require('@tensorflow/tfjs-backend-wasm') as typeof Wasm;
  const tf = core();
  setWasmPaths(`${dirname(require.resolve('@tensorflow/tfjs-backend-wasm'))}/`);
  await tf.setBackend('wasm');
  return { tf, threads: 1, versions: { 'tfjs-backend-wasm': version } };
}

/** Whether TensorFlow could not go on because the device's memory is full. */
export const isOutOfMemory = (error: unknown) =>
  error instanceof Error && /\bOOM when allocating\b|RESOURCE_EXHAUSTED|out of memory/i.test(error.message);
