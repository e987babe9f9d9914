import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ShowtellError } from '@showtell/shared/errors';
import { cudaObstacles, onnxruntimeNodeVersion, PROVIDER_FILES } from '@showtell/shared/onnx/cuda';
import { installOnnxCuda, type OnnxCudaOptions } from '../../src/engine/install-onnx-cuda';
import { findProgram } from '../../src/local/redis';

const python = findProgram(['python3']);
const fits = python !== undefined && `${process.platform}-${process.arch}` === 'linux-x64';
const describePython = fits ? describe : describe.skip;

/** A wheel as PyPI has it, with little in it. */
const WHEEL = `
import sys, zipfile
folder, version = sys.argv[1:]
with zipfile.ZipFile(f'{folder}/onnxruntime_gpu-{version}-cp312-cp312-manylinux_2_28_x86_64.whl', 'w') as wheel:
    for name in ('shared', 'cuda', 'tensorrt'): wheel.writestr(f'onnxruntime/capi/libonnxruntime_providers_{name}.so', name)
    info = f'onnxruntime_gpu-{version}.dist-info'
    wheel.writestr(f'{info}/METADATA', f'Metadata-Version: 2.1\\nName: onnxruntime-gpu\\nVersion: {version}\\n')
    wheel.writestr(f'{info}/WHEEL', 'Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: false\\nTag: cp312-cp312-manylinux_2_28_x86_64\\n')
    wheel.writestr(f'{info}/RECORD', '')
`;

describePython(`laying the CUDA provider beside onnxruntime${fits ? '' : ' (skipped: it takes python3 on linux-x64)'}`, () => {
  let root: string;
  const said: string[] = [];
  const install = (download: NonNullable<OnnxCudaOptions['download']>) => {
    said.length = 0;
    const say = (line: string) => said.push(line);
    const { signal } = new AbortController();
    return installOnnxCuda({ libraries: false, say, signal, folder: join(root, 'kept'), beside: join(root, 'beside'), download });
  };
  const noNetwork = () => Promise.reject(new ShowtellError('DOWNLOAD_FAILED', 'no network'));
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'showtell-onnx-cuda-'));
    await mkdir(join(root, 'beside'));
  });
  afterEach(() => rm(root, { recursive: true }));

  test('takes the two files out of the wheel of the same version, keeps them, and links them; what keeps this machine from a GPU is told', async () => {
    const version = onnxruntimeNodeVersion();
    const { gpu } = await install(async (_, wheels, requirements) => {
      expect(requirements).toEqual([`onnxruntime-gpu==${version}`]);
      execFileSync(python!, ['-c', WHEEL, wheels, version]);
    });
    expect(await readdir(join(root, 'kept'))).toEqual([...PROVIDER_FILES].sort());
    expect(readFileSync(join(root, 'beside', PROVIDER_FILES[1]), 'utf8')).toBe('cuda');
    expect('error' in gpu).toBe((await cudaObstacles()).length > 0);

    // As after npm ci: linked again, without fetching.
    await rm(join(root, 'beside', PROVIDER_FILES[0]));
    await writeFile(join(root, 'beside', PROVIDER_FILES[1]), 'of another version');
    await install(noNetwork);
    for (const file of PROVIDER_FILES) expect(readlinkSync(join(root, 'beside', file))).toBe(join(root, 'kept', file));
    expect(said.join()).toContain('is kept in');
  });

  test('a wheel that cannot be fetched leaves nothing behind', async () => {
    await expect(install(noNetwork)).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED' });
    expect(await readdir(join(root, 'beside'))).toEqual([]);
    expect(await readdir(join(root, 'kept'))).toEqual([]);
  });
});
