import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '@showtell/trainer/model/random';
import type { RedisServer } from '../redis-server';
import type { OwnS3Server } from '../s3-server';
import type { Keeper } from './keeper';

export interface StormOptions {
  readonly random: Random;
  readonly redis: RedisServer;
  readonly s3: OwnS3Server;
  /** Every program that is kept running just now. */
  readonly keepers: () => readonly Keeper[];
  /** An operator enqueues the run again; `signal` kills the command. */
  readonly enqueueAgain: (killAfterMs: number | undefined) => Promise<void>;
}

/** Longest time that something stands still or is away: longer than lock and lease, shorter than the deadlines of the store. */
const AWAY_MS = 3_500;
const BETWEEN_MS = 1_600;

/** What befalls everything, at random, until it is over. */
export class Storm {
  /** How often what befell. */
  readonly counts = new Map<string, number>();
  #blowing = false;
  #over: Promise<void> = Promise.resolve();
  /** Servers and programs to which something is happening. */
  readonly #struck = new Set<unknown>();

  constructor(private readonly options: StormOptions) {}

  begin(): void {
    this.#blowing = true;
    this.#over = this.#blow();
  }

  /** Resolves when everything that was stopped or away is back. */
  async end(): Promise<void> {
    this.#blowing = false;
    await this.#over;
  }

  async #blow(): Promise<void> {
    const { random } = this.options;
    const begun: Promise<void>[] = [];
    while (this.#blowing) {
      await sleep(100 + random.uniform() * BETWEEN_MS);
      begun.push(this.#next());
    }
    await Promise.all(begun);
  }

  #next(): Promise<void> {
    const { random, redis, s3, keepers, enqueueAgain } = this.options;
    const kept = keepers();
    const keeper = kept[random.below(kept.length)]!;
    const away = random.uniform() * AWAY_MS;
    const roll = random.below(100);
    if (roll < 40) return this.#strike('SIGKILL', keeper, async () => keeper.signal('SIGKILL'));
    if (roll < 55)
      return this.#strike('SIGTERM', keeper, async () => keeper.signal('SIGTERM') && (roll < 45 ? this.#termAgain(keeper) : true));
    if (roll < 70) return this.#strike('SIGSTOP', keeper, () => this.#stand(keeper, away));
    if (roll < 76) return this.#strike('engine killed', keeper, async () => killChildren(keeper.pid));
    if (roll < 84)
      return this.#strike('enqueue again', enqueueAgain, () => enqueueAgain(roll < 80 ? away / 2 : undefined).then(() => true));
    const server = roll < 92 ? redis : s3;
    const name = server === redis ? 'Redis' : 'S3';
    if (roll % 2 === 0) return this.#strike(`${name} killed`, server, () => restarted(server, away));
    return this.#strike(`${name} stopped`, server, () => this.#stand(server, away));
  }

  /** One thing at a time befalls each; what meets nobody is not counted. */
  async #strike(what: string, whom: unknown, act: () => Promise<boolean>): Promise<void> {
    if (this.#struck.has(whom)) return;
    this.#struck.add(whom);
    try {
      if (await act()) this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
    } finally {
      this.#struck.delete(whom);
    }
  }

  async #termAgain(keeper: Keeper): Promise<boolean> {
    await sleep(this.options.random.uniform() * 500);
    keeper.signal('SIGTERM');
    return true;
  }

  async #stand(whom: { signal(name: NodeJS.Signals): boolean | void }, milliseconds: number): Promise<boolean> {
    if (whom.signal('SIGSTOP') === false) return false;
    await sleep(milliseconds);
    whom.signal('SIGCONT');
    return true;
  }
}

async function restarted(server: { kill(): Promise<void>; restart(): Promise<void> }, away: number): Promise<boolean> {
  await server.kill();
  await sleep(away);
  await server.restart();
  return true;
}

/** The encoder's engine is a process of its own. */
async function killChildren(pid: number | undefined): Promise<boolean> {
  if (pid === undefined) return false;
  let children: number[];
  try {
    children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  } catch {
    // It has just ended.
    return false;
  }
  for (const child of children)
    try {
      process.kill(child, 'SIGKILL');
    } catch {
      // As above.
    }
  return children.length > 0;
}
