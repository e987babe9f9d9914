import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { listGpus, looksLikeGpu, parseGpus, visibleGpus } from '../src/gpus';

const CSV = `0, GPU-aaaa-1, NVIDIA H100 80GB HBM3, 81559, 580.65.06
1, GPU-bbbb-2, NVIDIA A10, 23028, 580.65.06
`;

describe('what nvidia-smi lists', () => {
  const gpus = parseGpus(`WARNING: infoROM is corrupted at gpu 0000:00:1E.0\n${CSV}\n`);

  test('is read line by line', () => {
    expect(gpus).toEqual([
      { index: 0, uuid: 'GPU-aaaa-1', name: 'NVIDIA H100 80GB HBM3', memoryMiB: 81_559, driver: '580.65.06' },
      { index: 1, uuid: 'GPU-bbbb-2', name: 'NVIDIA A10', memoryMiB: 23_028, driver: '580.65.06' },
    ]);
  });

  test.each([
    [undefined, ['NVIDIA H100 80GB HBM3', 'NVIDIA A10']],
    ['', []],
    ['-1', []],
    ['1', ['NVIDIA A10']],
    ['1,0', ['NVIDIA A10', 'NVIDIA H100 80GB HBM3']],
    ['GPU-bbbb', ['NVIDIA A10']],
    ['0,7,1', ['NVIDIA H100 80GB HBM3']],
  ])('is narrowed and numbered anew by CUDA_VISIBLE_DEVICES=%s', (variable, names) => {
    expect(visibleGpus(gpus, variable).map(({ index, name }) => [index, name])).toEqual(names.map((name, index) => [index, name]));
  });
});

describe('with a program nvidia-smi', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'showtell-nvidia-'));
  });
  afterEach(() => rm(folder, { recursive: true }));
  const stand = async (script: string) => {
    await writeFile(join(folder, 'nvidia-smi'), `#!/bin/sh\n${script}\n`);
    await chmod(join(folder, 'nvidia-smi'), 0o755);
    return { PATH: `${folder}${delimiter}${process.env['PATH']}` };
  };

  test('that lists GPUs, they are told', async () => {
    const env = await stand(`case "$*" in *--query-gpu=*--format=csv*) printf '${CSV.replaceAll('\n', '\\n')}';; *) exit 9;; esac`);
    expect(await listGpus(env)).toMatchObject([{ name: 'NVIDIA H100 80GB HBM3', driver: '580.65.06' }, { name: 'NVIDIA A10' }]);
    expect(await listGpus({ ...env, CUDA_VISIBLE_DEVICES: '1' })).toMatchObject([{ index: 0, name: 'NVIDIA A10' }]);
    expect(await looksLikeGpu(env)).toBe(true);
  });

  test('that has no driver, or where there is none, there are no GPUs', async () => {
    const text = "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.";
    expect(await listGpus(await stand(`echo "${text}"; exit 9`))).toEqual([]);
    expect(await listGpus({ PATH: join(folder, 'empty') })).toEqual([]);
  });
});
