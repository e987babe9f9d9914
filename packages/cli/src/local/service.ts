import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { EXIT } from '@showtell/shared/errors';

const PROGRAM = join(__dirname, '..', '..', 'bin', 'showtell.js');
const FIRST_RESTART_SECONDS = 1;
const LONGEST_RESTART_SECONDS = 30;
/** After this long a service counts as healthy, and its next crash is its first. */
const HEALTHY_SECONDS = 60;

export interface ServiceOptions {
  /** What the reader calls it: `ingest`, `encoder-2`. */
  readonly name: string;
  /** Arguments of `program`. */
  readonly args: readonly string[];
  /** A script for Node.js. Default: `showtell`. */
  readonly program?: string;
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** How long it may take to stop before it is killed. */
  readonly stopSeconds: number;
  /** Every line of its output. */
  readonly onLine: (service: string, line: string) => void;
  /** What the supervisor has to say of it: that it ended and starts again. */
  readonly onEvent: (message: string) => void;
  /** It cannot be made to run: its settings are wrong, so starting it again would not help. */
  readonly onHopeless: (message: string) => void;
}

/** One `showtell worker` in a child process that is started again whenever it ends by itself. */
export class Service {
  #child: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();
  #stopping = false;
  #restart: NodeJS.Timeout | undefined;
  #delay = FIRST_RESTART_SECONDS;

  constructor(private readonly options: ServiceOptions) {
    this.#start();
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  #start(): void {
    const { name, args, program = PROGRAM, cwd, env, onLine } = this.options;
    const startedAt = performance.now();
    // A group of its own: a Ctrl-C at the terminal must reach the supervisor alone, which stops everything in order, and what a
    // service leaves behind can be killed as a group. The IPC channel ends the service when the supervisor is killed.
    const child = spawn(process.execPath, [program, ...args], { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    this.#child = child;
    let lastLine = '';
    for (const stream of [child.stdout, child.stderr])
      createInterface({ input: stream! }).on('line', (line) => {
        lastLine = line;
        onLine(name, line);
      });
    child.once('error', (error) => (lastLine = error.message));
    this.#ended = new Promise((resolve) => {
      // What it left behind may hold its output open, and then `close` would never come.
      child.once('exit', () => killGroup(child));
      child.once('close', (code, signal) => {
        this.#afterEnd(code, signal, lastLine, (performance.now() - startedAt) / 1_000);
        resolve();
      });
    });
  }

  #afterEnd(code: number | null, signal: NodeJS.Signals | null, lastLine: string, seconds: number): void {
    if (this.#stopping) return;
    const { name, onEvent, onHopeless } = this.options;
    const how = signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`;
    if (code === EXIT.USAGE) {
      onHopeless(`${name} ${how}: ${lastLine}`);
      return;
    }
    if (seconds >= HEALTHY_SECONDS) this.#delay = FIRST_RESTART_SECONDS;
    onEvent(`${name} ${how}; it starts again in ${this.#delay} s`);
    this.#restart = setTimeout(() => this.#start(), this.#delay * 1_000);
    this.#delay = Math.min(2 * this.#delay, LONGEST_RESTART_SECONDS);
  }

  /** Stops it in order, by force after `stopSeconds`. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#restart);
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return this.#ended;
    child.kill('SIGTERM');
    const timer = setTimeout(() => killGroup(child), this.options.stopSeconds * 1_000);
    await this.#ended;
    clearTimeout(timer);
  }
}

/** Kills the process and whatever it started and left. */
function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody of the group is left.
  }
}
