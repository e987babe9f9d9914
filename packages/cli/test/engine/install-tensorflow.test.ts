import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { findProgram, freePort } from '../../src/local/redis';
import { type Ended, runProgram } from '../run-program';

/** The real command where something is missing: it ends in one message that says what, and leaves nothing. */
describe('showtell engine install tensorflow', () => {
  let folder: string;
  let kept: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'showtell-install-'));
    kept = join(folder, 'kept');
    await mkdir(join(folder, 'bin'));
    await symlink(process.execPath, join(folder, 'bin', 'node'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  /** A program of that name on a PATH where nothing else is. */
  const program = async (name: string, script: string) => {
    const path = join(folder, 'bin', name);
    await writeFile(path, `#!${process.execPath}\n${script}`);
    await chmod(path, 0o755);
  };
  const install = (args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> =>
    runProgram(['engine', 'install', 'tensorflow', '--dir', kept, ...args], {
      cwd: folder,
      env: { PATH: join(folder, 'bin'), CXX: undefined, PYTHON: undefined, ...env },
    });
  const partials = async () => (await readdir(kept)).filter((name) => name !== 'wheels-cpu');

  test('without a compiler it says so before it downloads anything', async () => {
    const { code, stderr } = await install(['--from', 'wheel']);
    expect(stderr).toMatch(/DEVICE_UNAVAILABLE: TensorFlow could not be installed: There is no C\+\+ compiler/);
    expect(stderr).toContain('apt install g++');
    expect(code).toBe(2);
    expect(await readdir(kept)).toEqual([]);
  });

  test('without Python, and without pip, it says what to install', async () => {
    await program('g++', '');
    const without = await install(['--from', 'wheel']);
    expect(without.stderr).toMatch(/DEVICE_UNAVAILABLE: TensorFlow could not be installed: There is no python3/);
    await program('python3', 'process.exit(1)');
    const { code, stderr } = await install(['--from', 'wheel']);
    expect(stderr).toMatch(/DEVICE_UNAVAILABLE: .*python3 has no pip/);
    expect(stderr).toContain('apt install python3-pip');
    expect(code).toBe(2);
    expect(await partials()).toEqual([]);
  });

  test('without a network it names what could not be fetched, keeps what was downloaded whole, and leaves nothing half made', async () => {
    await program('g++', '');
    await program(
      'python3',
      `if (process.argv.includes('--version')) process.exit(0);
       require('node:fs').writeFileSync(process.argv[process.argv.indexOf('--dest') + 1] + '/whole.whl', '');
       console.error('ERROR: No matching distribution found');
       process.exit(1);`,
    );
    const { code, stderr } = await install(['--from', 'wheel']);
    expect(stderr).toMatch(
      /DOWNLOAD_FAILED: .*pip could not download tensorflow-cpu==2\.21\.0: ERROR: No matching distribution found \(exit code 1\)/,
    );
    expect(stderr).toContain('PIP_INDEX_URL');
    expect(code).toBe(4);
    expect(await partials()).toEqual([]);
    expect(await readdir(join(kept, 'wheels-cpu'))).toEqual(['whole.whl']);
  });

  test('a library that does not compile, or does not load, is not taken', async () => {
    await program('python3', '');
    await program('g++', 'console.error("fatal error: node_api.h: No such file"); process.exit(1);');
    const uncompiled = await install(['--from', 'wheel']);
    expect(uncompiled.stderr).toMatch(/DEVICE_UNAVAILABLE: .*could not compile the addon of TensorFlow\.js: fatal error: node_api\.h/);
    await program('g++', `require('node:fs').writeFileSync(process.argv[process.argv.indexOf('-o') + 1], 'no library');`);
    const { code, stderr } = await install(['--from', 'wheel']);
    expect(stderr).toMatch(/DEVICE_UNAVAILABLE: .*Expected TensorFlow on cpu but .*tfjs_binding\.node: /);
    expect(code).toBe(2);
    expect(await partials()).toEqual([]);
  });

  test('where the own server of TensorFlow.js cannot be reached, it goes on with the wheel and reports both', async () => {
    const mirror = `http://127.0.0.1:${await freePort()}/`;
    const { code, stderr } = await install([], { TFJS_NODE_CDN_STORAGE: mirror });
    expect(stderr).toMatch(/127\.0\.0\.1:\d+, which has libtensorflow, cannot be reached: .*ECONNREFUSED/);
    expect(stderr).toMatch(/DEVICE_UNAVAILABLE: TensorFlow could not be installed: 127\.0\.0\.1.* and There is no C\+\+ compiler/);
    expect(code).toBe(2);
  });

  test('removes what an install that was killed has left, but not that of one that runs', async () => {
    await mkdir(join(kept, '.partial-999999999', 'cpu'), { recursive: true });
    await mkdir(join(kept, `.partial-${process.pid}`, 'cpu'), { recursive: true });
    await install(['--from', 'wheel']);
    expect(await readdir(kept)).toEqual([`.partial-${process.pid}`]);
  });

  test('an install that is there but does not work is named, and stays until another has taken its place', async () => {
    const path = join(kept, 'cpu');
    await mkdir(path, { recursive: true });
    const { version } = require('@tensorflow/tfjs-node-gpu/package.json') as { version: string };
    const record = { format: 1, tfjs: version, tensorflow: '2.21.0', from: 'wheel', binding: 'absent.node' };
    await writeFile(join(path, 'install.json'), JSON.stringify(record));
    const { stderr } = await install(['--from', 'wheel']);
    expect(stderr).toContain(`what is in ${path} does not work: Expected TensorFlow on cpu`);
    expect(await readdir(kept)).toEqual(['cpu']);
  });

  test('wheels that cannot be unpacked, and a folder that cannot be made, are said', async () => {
    await program('g++', '');
    await program(
      'python3',
      `if (!process.argv.includes('-c')) process.exit(0);
       console.error('OSError: [Errno 28] No space left on device');
       process.exit(1);`,
    );
    const full = await install(['--from', 'wheel']);
    expect(full.stderr).toMatch(/DISK_FULL: .*wheels-cpu cannot be unpacked: OSError: \[Errno 28\] No space left on device/);
    expect(await partials()).toEqual([]);
    kept = join(folder, 'bin', 'g++', 'kept');
    const denied = await install(['--from', 'wheel']);
    expect(denied.stderr).toMatch(/FILE_DENIED: Cannot keep TensorFlow in .*kept: ENOTDIR/);
    expect(denied.code).toBe(2);
  });

  const real = findProgram(['python3']);
  if (real !== undefined)
    test('no module that lies in the working folder is run', async () => {
      const ran = join(folder, 'ran');
      for (const name of ['pip', 'glob', 'zipfile', 'os', 'sys'])
        await writeFile(join(folder, `${name}.py`), `open(${JSON.stringify(ran)}, 'a').write(__name__)`);
      await program('g++', 'process.exit(1)');
      // Python itself, but for what it would download.
      await program(
        'python3',
        `const args = process.argv.slice(2);
       if (args.includes('download')) process.exit(0);
       process.exit(require('node:child_process').spawnSync(${JSON.stringify(real)}, args, { stdio: 'inherit' }).status);`,
      );
      const { stderr } = await install(['--from', 'wheel']);
      expect(stderr).toMatch(/could not compile the addon|has no pip/);
      expect(existsSync(ran)).toBe(false);
    });

  test('an unknown engine is refused', async () => {
    const { code, stderr } = await runProgram(['engine', 'install', 'torch'], { cwd: dirname(kept) });
    expect(stderr).toContain('Expected tensorflow or onnx-cuda for <engine>');
    expect(code).toBe(2);
  });
});
