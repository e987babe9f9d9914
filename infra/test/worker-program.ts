import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { SETTINGS, type Settings } from '@showtell/shared/config';
import type { PipelineRig } from './pipeline-rig';

const PROGRAM = join(__dirname, '..', '..', 'packages', 'cli', 'bin', 'showtell.js');

export interface WorkerProgram {
  readonly child: ChildProcess;
  /** Everything it said. */
  readonly said: () => string;
  readonly exit: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
}

export interface WorkerProgramOptions {
  readonly args?: readonly string[];
  readonly settings?: Partial<Settings>;
  /** Further variables of its environment. */
  readonly env?: NodeJS.ProcessEnv;
  /** File descriptors that its log and its answer go to, instead of to `said`. */
  readonly log?: number;
  readonly answer?: number;
}

/** `showtell worker STAGE`, as an operator starts it, with a rig's settings. */
export function startWorkerProgram(
  rig: Pick<PipelineRig, 'folder' | 'settings'>,
  stage: 'ingest' | 'encoder' | 'trainer',
  { args = [], ...options }: WorkerProgramOptions = {},
): WorkerProgram {
  const flags = { ingest: [], encoder: ['--device', 'cpu', '--threads', '1'], trainer: ['--device', 'cpu', '--threads', '1'] }[stage];
  return startShowtell(rig, ['worker', stage, ...flags, ...args], options);
}

/** Any command of the real program, with a rig's settings. */
export function startShowtell(
  rig: Pick<PipelineRig, 'folder' | 'settings'>,
  args: readonly string[],
  { settings = {}, env: more, log, answer }: Omit<WorkerProgramOptions, 'args'> = {},
): WorkerProgram {
  const env: NodeJS.ProcessEnv = { ...process.env, ...more };
  for (const [name, value] of Object.entries({ ...rig.settings, ...settings }))
    if (value !== undefined) env[SETTINGS[name as keyof Settings].env] = String(value);
  // Its folder has no settings file, and keeps the weights that it fetches.
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    cwd: rig.folder,
    env,
    stdio: ['ignore', answer ?? 'pipe', log ?? 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (text: string) => (said += text));
  const exit = new Promise<Awaited<WorkerProgram['exit']>>((resolve) => child.once('close', (code, signal) => resolve({ code, signal })));
  return { child, said: () => said, exit };
}
