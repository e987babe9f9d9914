import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';

const READY_MS = 10_000;

export interface RedisServer {
  readonly url: string;
  readonly port: number;
  /** SIGKILL, as when the machine dies. */
  kill(): Promise<void>;
  /** Starts it again on the same port and append-only file. */
  restart(): Promise<void>;
  /** SIGSTOP, SIGCONT. */
  signal(name: NodeJS.Signals): void;
  stop(): Promise<void>;
}

export interface RedisServerOptions {
  readonly password?: string;
  /** Further arguments of the server, as `['--maxmemory', '10mb']`. */
  readonly args?: readonly string[];
  /** Where it keeps its data, which then stay when it is stopped; a temporary folder otherwise. */
  readonly folder?: string;
}

/** `redis-server` or `valkey-server` on the PATH, or `undefined`. */
export function findRedisServer(): string | undefined {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter))
    for (const name of ['redis-server', 'valkey-server']) {
      const path = join(folder, name);
      try {
        accessSync(path, constants.X_OK);
        return path;
      } catch {
        // Not here: the next folder.
      }
    }
  return undefined;
}

/** `describe` where a Redis server is at hand; skipped under a name that says so where none is. */
export function describeRedis(name: string, body: () => void): void {
  if (findRedisServer() === undefined) describe.skip(`${name} (no redis-server or valkey-server on the PATH)`, body);
  else describe(name, body);
}

/** A server of its own on a free loopback port, with an append-only file in a temporary folder. */
export async function startRedisServer({ password, args = [], folder: given }: RedisServerOptions = {}): Promise<RedisServer> {
  const program = findRedisServer();
  if (program === undefined) throw new Error('Expected redis-server or valkey-server on the PATH but found neither');
  const folder = given ?? mkdtempSync(join(tmpdir(), 'showtell-redis-'));
  const port = await freePort();
  const url = `redis://${password === undefined ? '' : `:${password}@`}127.0.0.1:${port}`;
  let child: ChildProcess;
  const start = async () => {
    child = spawn(
      program,
      [
        `--port ${port} --bind 127.0.0.1 --appendonly yes`.split(' '),
        ['--dir', folder, '--save', ''],
        password === undefined ? [] : ['--requirepass', password],
        args,
      ].flat(),
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
    await untilReady(url, child);
  };
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await exited;
  };
  // A test run that dies must not leave the server behind.
  const onExit = () => child.kill('SIGKILL');
  process.on('exit', onExit);
  await start();
  return {
    url,
    port,
    kill,
    restart: start,
    signal: (name) => void child.kill(name),
    async stop() {
      process.off('exit', onExit);
      await kill();
      if (given === undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function untilReady(url: string, child: ChildProcess): Promise<void> {
  const deadline = performance.now() + READY_MS;
  for (;;) {
    const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 });
    redis.on('error', () => {});
    try {
      await redis.connect();
      await redis.ping();
      return;
    } catch (cause) {
      if (child.exitCode !== null) throw new Error(`The Redis server ended with exit code ${child.exitCode}`, { cause });
      if (performance.now() > deadline) throw new Error(`The Redis server did not answer within ${READY_MS / 1_000} s`, { cause });
      await sleep(25);
    } finally {
      if (redis.status !== 'end') redis.disconnect();
    }
  }
}

export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
