import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { cacheFolder, pythonEnvironment } from './python-environment';

const HELP = `npm run conformance:full -- [--seed N]

Has Keras write an InceptionV3 of full width and its features, from a seed, and compares every engine's features with them. Needs
Python 3.10 or newer; TensorFlow is installed into an environment of its own, and both are kept for the next time.`;

const ROOT = resolve(__dirname, '..', '..');
const TOOL = join('tools', 'make_full_inception.py');
/** What the tool needs beside the packages of the Keras peer. */
const PILLOW = 'pillow==13.0.0';

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { seed: { type: 'string', default: '7' }, help: { type: 'boolean' } } });
  if (values.help === true) {
    process.stdout.write(`${HELP}\n`);
    return;
  }
  const tool = join(process.env['SHOWTELL_CONFORMANCE'] ?? join(ROOT, '..', 'shared', 'conformance'), TOOL);
  if (!existsSync(tool)) throw new Error(`Expected ${tool}: set SHOWTELL_CONFORMANCE to the folder of conformance fixtures`);
  const folder = join(cacheFolder(), `full-inception-${Number(values.seed)}`);
  if (!existsSync(join(folder, 'card.json'))) await make(tool, values.seed, folder);
  const jest = ['--testPathPatterns', 'inception-keras.conformance', '--testNamePattern', 'full-width'];
  process.exitCode = await run(process.execPath, [join(ROOT, 'node_modules', 'jest', 'bin', 'jest.js'), ...jest], {
    SHOWTELL_FULL_INCEPTION: folder,
  });
}

/** The tool writes `card.json` last. */
async function make(tool: string, seed: string, folder: string): Promise<void> {
  const python = await pythonEnvironment('keras', (text) => process.stderr.write(`${text}\n`));
  await promisify(execFile)(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', PILLOW]);
  process.stderr.write(`Keras writes ${folder}: about a minute\n`);
  rmSync(folder, { recursive: true, force: true });
  const code = await run(python, [tool, '--seed', seed, '--out', folder]);
  if (code !== 0) throw new Error(`${tool} ended with exit code ${code}`);
}

async function run(program: string, args: readonly string[], env: Record<string, string> = {}): Promise<number> {
  const child = spawn(program, args, { cwd: ROOT, env: { ...process.env, ...env }, stdio: ['ignore', 2, 2] });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
