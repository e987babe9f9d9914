import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import {
  type CudaSurroundings,
  checkCuda,
  cudaFailure,
  cudaObstacles,
  isOutOfMemory,
  linkedLibraries,
  onnxruntimeFolder,
  PROVIDER_FILES,
  whyNotCuda,
} from '../../src/onnx/cuda';
import { openSession, probeGraph } from '../../src/onnx/session';

const H100 = { index: 0, name: 'NVIDIA H100', memoryMiB: 81_559, driver: '535.10' };
const LINKED = [
  ['libcublas.so.13', '/cuda/libcublas.so.13'],
  ['libcudart.so.13', '/cuda/libcudart.so.13'],
  ['libcuda.so.1', '/driver/libcuda.so.1'],
] as const;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'showtell-cuda-'));
  for (const file of PROVIDER_FILES) await writeFile(join(folder, file), '');
});
afterAll(() => rm(folder, { recursive: true }));

/** A machine that has everything, but for what the test says. */
const surroundings = (lacks: Partial<CudaSurroundings> & { readonly libraries?: readonly string[] } = {}): CudaSurroundings => ({
  platform: 'linux-x64',
  folder,
  needs: async () => new Map(LINKED.map(([name, file]) => [name, lacks.libraries?.includes(name) ? undefined : file])),
  loads: () => true,
  gpus: async () => [H100],
  looksLikeGpu: async () => true,
  ...lacks,
});

describe('what is in the way of CUDA', () => {
  test('nothing, where all is there', async () => {
    expect(await cudaObstacles(surroundings())).toEqual([]);
    await checkCuda('cuda:0', surroundings());
    expect(await whyNotCuda(surroundings())).toBeUndefined();
  });

  test('the provider: which files are missed where, and the command that lays them there', async () => {
    const empty = join(folder, 'empty');
    await expect(checkCuda('cuda:0', surroundings({ folder: empty }))).rejects.toMatchObject({
      code: 'DEVICE_UNAVAILABLE',
      exitCode: 2,
      message: `onnxruntime cannot use cuda:0: onnxruntime's CUDA provider is not here: ${PROVIDER_FILES.join(' and ')} in ${empty}`,
      hint: expect.stringContaining('showtell engine install onnx-cuda') as string,
    });
  });

  test('the provider and the driver, told at once', async () => {
    const nothing = surroundings({ folder: join(folder, 'empty'), looksLikeGpu: async () => false });
    expect((await cudaObstacles(nothing)).map(({ reason }) => reason)).toEqual([
      expect.stringContaining('provider is not here'),
      'no NVIDIA GPU or driver can be seen',
    ]);
  });

  test('every library that is not found, cuDNN too, which is opened by name', async () => {
    const lacks = surroundings({ libraries: ['libcublas.so.13', 'libcudart.so.13'], loads: () => false });
    expect(await cudaObstacles(lacks)).toEqual([
      {
        reason: 'libraries of CUDA or cuDNN are not found: libcublas.so.13, libcudart.so.13, libcudnn.so.9',
        fix: expect.stringContaining('LD_LIBRARY_PATH') as string,
      },
    ]);
  });

  test('the driver', async () => {
    expect(await cudaObstacles(surroundings({ libraries: ['libcuda.so.1'] }))).toEqual([
      { reason: 'there is no NVIDIA driver (libcuda.so.1 is not found)', fix: expect.stringContaining('--gpus all') as string },
    ]);
  });

  test('another kind of machine', async () => {
    const [obstacle] = await cudaObstacles(surroundings({ platform: 'darwin-arm64' }));
    expect(obstacle?.reason).toContain('darwin-arm64');
  });

  test('auto sees no point in trying without a GPU, though everything is installed', async () => {
    expect(await whyNotCuda(surroundings({ looksLikeGpu: async () => false }))).toBe('no NVIDIA GPU can be seen');
  });
});

describe('libraries that a library needs', () => {
  test('are those of this machine', async () => {
    const linked = await linkedLibraries(join(onnxruntimeFolder(), 'libonnxruntime.so.1'));
    expect(linked.get('libc.so.6')).toMatch(/^\/.*libc\.so\.6$/);
  });

  test('that are not found have no file', async () => {
    await writeFile(join(folder, 'ldd'), '#!/bin/sh\nprintf "\\tlibcublasLt.so.13 => not found\\n\\tlibc.so.6 => /lib/libc.so.6 (0x1)\\n"');
    await chmod(join(folder, 'ldd'), 0o755);
    expect(await linkedLibraries('any.so', { PATH: `${folder}${delimiter}${process.env['PATH']}` })).toEqual(
      new Map([
        ['libcublasLt.so.13', undefined],
        ['libc.so.6', '/lib/libc.so.6'],
      ]),
    );
  });

  test('nothing is claimed where there is no ldd', async () => {
    expect(await linkedLibraries('any.so', { PATH: join(folder, 'empty') })).toEqual(new Map());
  });
});

/** As onnxruntime 1.30 words them. */
const call = (text: string) => new Error(`/onnxruntime_src/onnxruntime/core/providers/cuda/cuda_call.cc:122 ${text} ; GPU=0 ; hostname=x`);

test.each([
  ['CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version', 'the NVIDIA driver 535.10 is too old for this CUDA'],
  ['CUDA failure 100: no CUDA-capable device is detected', 'CUDA sees no GPU'],
  ['CUDA failure 101: invalid device ordinal', 'there is no GPU 3; nvidia-smi lists only 0 (NVIDIA H100)'],
  ['CUDA failure 209: no kernel image is available for execution on the device', 'NVIDIA H100 is of a generation'],
  ['CUDA failure 2: out of memory', 'its memory is full'],
  ['CUDNN failure 1001: CUDNN_STATUS_NOT_INITIALIZED', 'cuDNN 9 is missing or is of another version'],
  ['cuDNN is unavailable or disabled for CUDA Execution Provider: cuDNN library was not found', 'cuDNN 9 is missing'],
  ['CUDA failure 999: unknown error', '/onnxruntime_src/onnxruntime/core/providers/cuda/cuda_call.cc:122 CUDA failure 999: unknown error'],
])('%s is explained', async (text, reason) => {
  const cause = call(text);
  const failure = await cudaFailure(cause, 'cuda:3', async () => [H100]);
  expect(failure).toMatchObject({ code: 'DEVICE_UNAVAILABLE', cause });
  expect(failure.message).toContain(`onnxruntime cannot use cuda:3: ${reason}`);
  expect(failure.hint).toBeDefined();
});

test('a session on a GPU is opened there, or refused with the reason: onnxruntime by itself might compute on the CPU and say nothing', async () => {
  const opening = openSession(probeGraph(), { device: 'cuda:0' });
  const refused = await opening.then((session) => session.release()).catch((error: unknown) => error);
  expect(refused).toEqual(
    (await cudaObstacles()).length === 0 ? undefined : expect.objectContaining({ code: 'DEVICE_UNAVAILABLE', exitCode: 2 }),
  );
});

test.each([
  "Non-zero status code returned while running Conv node. Name:'Conv_3' Status Message: /onnxruntime_src/onnxruntime/core/framework/bfc_arena.cc:376 void* onnxruntime::BFCArena::AllocateRawInternal(size_t, bool, onnxruntime::Stream*, bool, onnxruntime::WaitNotificationFn) Failed to allocate memory for requested buffer of size 939524096",
  'CUDA failure 2: out of memory ; GPU=0 ; hostname=x ; expr=cudaMalloc((void**)&p, size);',
  'CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED ; GPU=0',
  'CUDNN failure 4: CUDNN_STATUS_ALLOC_FAILED',
  'std::bad_alloc',
])('is out of memory: %s', (message) => {
  expect(isOutOfMemory(new Error(message))).toBe(true);
});

test.each([
  'CUDA failure 700: an illegal memory access was encountered',
  'CUDA failure 201: invalid device context',
  'Got invalid dimensions',
])('is not out of memory: %s', (message) => {
  expect(isOutOfMemory(new Error(message))).toBe(false);
});
