import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { ShowtellError } from '@showtell/shared/errors';
import type { ScaleWorkerOptions, Usage } from './scale-worker-main';

/** Compiled, from the sources as well: so are the workers that tests start. */
const ENTRY = join(__dirname, '..', 'dist', 'scale-worker-main.js');

/** Workers of one stage that share a process. */
export interface WorkerProcess {
  readonly stage: 'ingest' | 'encoder';
  usage(): Promise<Usage>;
  /** Its encoders are warm and wait from now on. */
  wait(): void;
  stop(): Promise<void>;
  /** As when its machine dies. */
  kill(): Promise<void>;
}

/** Starts `workers` workers in at most `processes` processes, and resolves once all of them are ready. */
export async function startWorkers(options: ScaleWorkerOptions, processes: number): Promise<WorkerProcess[]> {
  return Promise.all(shared(options.workers, processes).map((workers) => startProcess({ ...options, workers })));
}

/** `things` dealt out to at most `takers`, as evenly as it goes. */
export function shared(things: number, takers: number): number[] {
  const count = Math.min(things, takers);
  return Array.from({ length: count }, (_, index) => Math.floor(things / count) + (index < things % count ? 1 : 0));
}

async function startProcess(options: ScaleWorkerOptions): Promise<WorkerProcess> {
  const child = fork(ENTRY, [JSON.stringify(options)], { execArgv: [], env: process.env, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const ended = once(child, 'exit');
  await answer(child, ended);
  return {
    stage: options.stage,
    async usage() {
      child.send('usage');
      return (await answer(child, ended)) as Usage;
    },
    wait: () => void child.send('wait'),
    async stop() {
      if (child.connected) child.send('stop');
      await ended;
    },
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

async function answer(child: ChildProcess, ended: Promise<unknown[]>): Promise<unknown> {
  const gone = ended.then(([code]) => {
    throw new ShowtellError('BUG', `A worker of the bench ended with exit code ${String(code)}`);
  });
  const [message] = (await Promise.race([once(child, 'message'), gone])) as unknown[];
  return message;
}
