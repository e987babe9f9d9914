import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '@showtell/trainer/model/random';
import type { WorkerProgram } from '../worker-program';

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly said: string;
}

export interface KeeperOptions {
  readonly name: string;
  /** Starts the program; told how it ended the last time. */
  readonly start: (before: Exit | undefined) => WorkerProgram;
  /** Whether it may end so. One that was killed always may. */
  readonly mayEnd: (exit: Exit) => boolean;
  /** Whether there is no more for it to do. */
  readonly isDone?: (exit: Exit) => boolean;
  readonly random: Random;
  /** Where its logs go. */
  readonly folder: string;
  /** Must stand in no log. */
  readonly secrets: readonly string[];
}

const REST_MS = 800;

/** Starts a program again whenever it ends, as systemd or Kubernetes would, and looks at how it ended and what it said. */
export class Keeper {
  readonly wrongs: string[] = [];
  starts = 0;
  #program: WorkerProgram | undefined;
  #stopping = false;
  readonly #ended: Promise<void>;

  constructor(readonly options: KeeperOptions) {
    this.#ended = this.#keep().catch((error: unknown) => void this.wrongs.push(`${options.name}: ${String(error)}`));
  }

  get pid(): number | undefined {
    const child = this.#program?.child;
    return child?.exitCode === null && child.signalCode === null ? child.pid : undefined;
  }

  /** False where it is not running just now. */
  signal(name: NodeJS.Signals): boolean {
    return this.pid !== undefined && this.#program!.child.kill(name);
  }

  /** SIGTERM, and no start after it. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.signal('SIGCONT');
    this.signal('SIGTERM');
    await this.#ended;
  }

  async kill(): Promise<void> {
    this.#stopping = true;
    this.signal('SIGKILL');
    await this.#ended;
  }

  /** Ends by itself once it is done. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  async #keep(): Promise<void> {
    const { name, start, mayEnd, isDone, random, folder, secrets } = this.options;
    let before: Exit | undefined;
    while (!this.#stopping) {
      this.starts += 1;
      this.#program = start(before);
      const { code, signal } = await this.#program.exit;
      before = { code, signal, said: this.#program.said() };
      const how = `${name}, start ${this.starts}: exit code ${code}, signal ${signal}`;
      appendFileSync(join(folder, `${name}.log`), `${before.said}--- ${how}\n`);
      if (signal !== 'SIGKILL' && !mayEnd(before)) this.wrongs.push(`${how}\n${before.said.slice(-3_000)}`);
      if (secrets.some((secret) => before!.said.includes(secret))) this.wrongs.push(`${how}: a secret in its log`);
      const bug = /^.*(unhandled ?rejection|"code":"BUG"|\bBUG:).*$/im.exec(before.said);
      if (bug) this.wrongs.push(`${how}\n${bug[0]}`);
      if (isDone?.(before)) return;
      if (!this.#stopping) await sleep(random.uniform() * REST_MS);
    }
  }
}
