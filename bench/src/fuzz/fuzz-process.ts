import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Batch, Tried, Wrong } from './fuzz-messages';
import type { TargetName } from './targets';

/** Heap of JavaScript, MB; what lies outside of it is measured. */
const HEAP_MB = 512;
const SAID = 2_000;

/** A process that reads inputs. Once it has ended it is of no use. */
export class FuzzProcess {
  private said = '';

  private constructor(private readonly child: ChildProcess) {
    child.stderr!.on('data', (chunk: Buffer) => {
      this.said = `${this.said}${chunk.toString()}`.slice(-SAID);
    });
  }

  static async start(target: TargetName): Promise<FuzzProcess> {
    const child = fork(join(__dirname, 'fuzz-main.js'), [target], {
      execArgv: [`--max-old-space-size=${HEAP_MB}`],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    const process = new FuzzProcess(child);
    await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(() => Promise.reject(new Error(`No target starts: ${process.said}`))),
    ]);
    return process;
  }

  /** How it went, or how the process ended. @param limit milliseconds for all of them, behind which it is killed */
  async read(batch: Batch, limit: number): Promise<Tried | Wrong> {
    const { child } = this;
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill('SIGKILL');
    }, limit);
    const stopped = new AbortController();
    const { signal } = stopped;
    try {
      return await Promise.race([
        once(child, 'message', { signal }).then(([tried]) => tried as Tried),
        once(child, 'exit', { signal }).then(([code, name]): Wrong => {
          if (late) return { kind: 'hang', message: `no answer within ${limit / 1_000} s` };
          const memory = /heap out of memory|Array buffer allocation failed/.test(this.said);
          return { kind: memory ? 'memory' : 'crash', message: `the process ended with ${name ?? `code ${code}`}`, stack: this.said };
        }),
        new Promise<never>((_, failed) => child.send(batch, (error) => error && child.connected && failed(error))),
      ]);
    } finally {
      clearTimeout(timer);
      stopped.abort();
    }
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill('SIGKILL');
    await once(this.child, 'exit');
  }
}

export const isWrong = (answer: object): answer is Wrong => 'kind' in answer;
