import { availableParallelism, totalmem } from 'node:os';
import { dirname } from 'node:path';
import { openPhotoEncoder } from '@showtell/captioner/photo-encoder';
import type { EngineName } from '@showtell/encoder-worker/encoder/engines/engine';
import { resolveWeights } from '@showtell/encoder-worker/encoder/weights/resolve';
import { probeEngineProcess } from '@showtell/encoder-worker/engine-process';
import type { Settings } from '@showtell/shared/config';
import { isShowtellError, ShowtellError } from '@showtell/shared/errors';
import { listGpus } from '@showtell/shared/gpus';
import { prepare } from '@showtell/shared/image/prepare';
import { renderSvg } from '@showtell/shared/image/render-svg';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { openStore } from '@showtell/shared/object-store/open';
import { preflight } from '@showtell/shared/queue/connection';
import { findBindings, tensorflowFolder } from '@showtell/shared/tensorflow/bindings';
import { GREY_PICTURE } from '../grey-picture';
import { findProgram } from '../local/redis';
import { withDownloadProgress } from '../output/download-progress';
import { plural } from '../output/format';
import { formatEngine } from '../output/format-engine';

/** What a check found. `todo` says what would be better, although work can begin. */
export interface Found {
  readonly found: string;
  readonly todo?: string;
}

export interface CheckOptions {
  readonly settings: Settings;
  /** As `resolveWeights` reads it. */
  readonly weights: string;
  readonly engine: EngineName;
  readonly device: string;
  readonly signal: AbortSignal;
}

/** Each throws a `ShowtellError` when work cannot begin; its hint says what to do. */
export const CHECKS: Readonly<Record<string, (options: CheckOptions) => Promise<Found>>> = {
  node: checkNode,
  pictures: checkPictures,
  redis: checkRedis,
  store: checkStore,
  weights: checkWeights,
  encoder: checkEncoder,
  gpus: checkGpus,
  tensorflow: checkTensorflow,
};

const LEAST_NODE: readonly [number, number] = [20, 15];

async function checkNode(): Promise<Found> {
  const { node } = process.versions;
  const [major = 0, minor = 0] = node.split('.').map(Number);
  if (major < LEAST_NODE[0] || (major === LEAST_NODE[0] && minor < LEAST_NODE[1]))
    throw new ShowtellError('CONFIG_INVALID', `Expected Node.js ${LEAST_NODE.join('.')} or newer but received ${node}`, {
      hint: 'Install a newer Node.js: https://nodejs.org.',
    });
  const memory = `${(totalmem() / 2 ** 30).toFixed(0)} GiB of memory`;
  return { found: `Node.js ${node} on ${process.platform}-${process.arch}, ${plural(availableParallelism(), 'core')}, ${memory}` };
}

async function checkPictures(): Promise<Found> {
  const picture = await renderSvg('<svg xmlns="http://www.w3.org/2000/svg" width="320" height="240"><rect width="99" height="99"/></svg>');
  await prepare(picture);
  return { found: 'sharp decodes and resizes' };
}

async function checkRedis({ settings }: CheckOptions): Promise<Found> {
  if (settings.redis !== undefined) {
    const reports = await preflight(settings);
    const todo = reports.flatMap(({ warnings }) => warnings).join('; ');
    return { found: reports.map(({ host, version }) => `version ${version} at ${host}`).join(', '), ...(todo !== '' && { todo }) };
  }
  const program = findProgram(['redis-server', 'valkey-server']);
  if (program !== undefined) return { found: `no address is set; ${program} is here, and showtell up and showtell demo start it` };
  if (process.getuid?.() === 0 && findProgram(['apt-get']) !== undefined)
    return { found: 'none', todo: 'showtell up and showtell demo install it with apt-get; for anything else set REDIS_URL' };
  throw new ShowtellError(
    'REDIS_UNREACHABLE',
    'There is none: REDIS_URL is not set and neither redis-server nor valkey-server is installed',
    {
      hint: 'Install one (Debian, Ubuntu: apt install redis-server; Fedora: dnf install valkey; macOS: brew install redis) or set REDIS_URL.',
    },
  );
}

async function checkStore({ settings, signal }: CheckOptions): Promise<Found> {
  return withStore(settings, async (store) => {
    await store.probe({ signal });
    return { found: `${store.url} can be written to, and honours conditional writes` };
  });
}

async function checkWeights({ settings, weights, signal }: CheckOptions): Promise<Found> {
  return withStore(settings, async (store) => {
    const imagenet = { url: settings.imagenetUrl };
    const { description, sha256 } = await withDownloadProgress('Fetching the weights', (onProgress) =>
      resolveWeights(weights, { store, imagenet, onProgress, signal }),
    );
    return { found: `${description}, sha256 ${sha256.slice(0, 12)}` };
  });
}

async function withStore<T>(settings: Settings, work: (store: ObjectStore) => Promise<T>): Promise<T> {
  const store = openStore(settings.store, { endpoint: settings.s3Endpoint });
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

async function checkEncoder({ settings, weights, engine, device, signal }: CheckOptions): Promise<Found> {
  const encoder = await withStore(settings, (store) => {
    const resolve = { store, imagenet: { url: settings.imagenetUrl } };
    return openPhotoEncoder({ weights, engine, device, tensorflow: settings.tensorflow, resolve, signal });
  });
  try {
    const encodeEight = async () => {
      for await (const { feature } of encoder.encode(Array.from({ length: 8 }, () => GREY_PICTURE)))
        if (!feature?.every(Number.isFinite))
          throw new ShowtellError('DEVICE_UNAVAILABLE', 'The encoder computes no finite feature', { hint: 'Try --device cpu.' });
    };
    // The first time is slower: memory is taken.
    await encodeEight();
    const begun = performance.now();
    await encodeEight();
    const rate = (8 * 1_000) / (performance.now() - begun);
    const { description } = encoder;
    return { found: `${formatEngine(description)}: ${rate.toFixed(1)} images/s` };
  } finally {
    await encoder.close();
  }
}

/** What keeps the engine onnx from CUDA is only worth a word to who has a GPU. */
async function checkGpus({ signal }: CheckOptions): Promise<Found> {
  const gpus = await listGpus();
  const names = gpus.map(({ index, name, driver }) => `cuda:${index} ${name} (driver ${driver})`).join(', ');
  try {
    const { versions } = await probeEngineProcess({ engine: 'onnx', precision: 'float32', device: 'cuda:0', threads: 1, signal });
    return { found: `--engine onnx on ${names || 'cuda:0'}: CUDA ${versions['cuda']}, cuDNN ${versions['cudnn']}, float32 and float16` };
  } catch (error) {
    if (!isShowtellError(error, 'DEVICE_UNAVAILABLE')) throw error;
    if (gpus.length === 0) return { found: `none, so --device auto is the CPU: ${error.message}` };
    return { found: `${names}, but ${error.message}`, ...(error.hint !== undefined && { todo: error.hint }) };
  }
}

/** Not loaded here: the check of the encoder does that, where it is asked for. */
async function checkTensorflow({ settings }: CheckOptions): Promise<Found> {
  const folder = tensorflowFolder(settings.tensorflow);
  const found = findBindings(folder).map(
    ({ flavour, version, path }) =>
      `${version ?? 'of the npm package'} for ${flavour === 'gpu' ? 'GPUs and CPUs' : 'CPUs'} in ${dirname(path)}`,
  );
  if (found.length > 0) return { found: found.join('; ') };
  return { found: `not in ${folder}; --engine tensorflow is WebAssembly until showtell engine install tensorflow has been run` };
}
