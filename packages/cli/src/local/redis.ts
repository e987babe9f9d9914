import { type ChildProcess, fork, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { accessSync, constants } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { ShowtellError } from '@showtell/shared/errors';
import { makeFolder } from '@showtell/shared/make-folder';
import { keepSecret } from '@showtell/shared/secrets';

const PROGRAMS = ['redis-server', 'valkey-server'];
/** Between finding a free port and listening on it another program may take it. */
const START_ATTEMPTS = 3;
/** An entry point: always the compiled one, also where this file runs from the sources. */
const GUARD = join(__dirname, '..', '..', 'dist', 'local', 'redis-guard.js');

export interface LocalRedis {
  /** With a password, of a server that was started for this. */
  readonly url: string;
  /** The program that was started for this, or `undefined` where the address was given. */
  readonly program: string | undefined;
  /** Stops what was started and removes its folder. */
  stop(): Promise<void>;
}

export interface OpenRedisOptions {
  /** An address that was configured; it wins over starting a server. */
  readonly url?: string | undefined;
  /** Its folder, which is removed with it, also when this process is killed. Default: a temporary one. */
  readonly folder?: string;
  /** Told before anything is installed. */
  readonly announce: (message: string) => void;
  readonly signal?: AbortSignal;
  readonly env?: NodeJS.ProcessEnv;
}

/**
 * The Redis to work with: the configured one; else a server of our own, from a program on the PATH; else one that is installed
 * first, where that can be done without asking (root on Debian or Ubuntu). `REDIS_UNREACHABLE` says what to install otherwise.
 */
export async function openRedis(options: OpenRedisOptions): Promise<LocalRedis> {
  if (options.url !== undefined) return { url: options.url, program: undefined, stop: async () => {} };
  const env = options.env ?? process.env;
  const program = findProgram(PROGRAMS, env) ?? (await installRedis(options, env));
  for (let attempt = 1; ; attempt++) {
    try {
      return await startRedis(program, options);
    } catch (error) {
      if (attempt === START_ATTEMPTS || options.signal?.aborted) throw error;
    }
  }
}

/** The first of these programs that can be executed in a folder of the PATH. */
export function findProgram(names: readonly string[], env: NodeJS.ProcessEnv = process.env): string | undefined {
  const folders = (env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function installRedis({ announce, signal }: OpenRedisOptions, env: NodeJS.ProcessEnv): Promise<string> {
  const aptGet = process.getuid?.() === 0 ? findProgram(['apt-get'], env) : undefined;
  if (aptGet === undefined) throw noRedis('neither redis-server nor valkey-server is on the PATH');
  announce('No redis-server is installed: installing it with apt-get install -y redis-server');
  await runApt(aptGet, ['update', '-q'], env, signal);
  await runApt(aptGet, ['install', '-yq', '--no-install-recommends', 'redis-server'], env, signal);
  const program = findProgram(PROGRAMS, env);
  if (program === undefined) throw noRedis('apt-get installed redis-server, but it is not on the PATH');
  return program;
}

async function runApt(aptGet: string, args: readonly string[], env: NodeJS.ProcessEnv, signal?: AbortSignal): Promise<void> {
  const child = spawn(aptGet, args, {
    env: { ...env, DEBIAN_FRONTEND: 'noninteractive' },
    stdio: ['ignore', 'ignore', 'pipe'],
    ...(signal && { signal }),
  });
  let complaints = '';
  child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()));
  const failure = await new Promise<string | undefined>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code) => resolve(code === 0 ? undefined : (complaints.trim().split('\n').at(-1) ?? `exit code ${code}`)));
  });
  signal?.throwIfAborted();
  if (failure !== undefined) throw noRedis(`apt-get ${args[0]} failed (${failure})`);
}

const noRedis = (why: string) =>
  new ShowtellError('REDIS_UNREACHABLE', `There is no Redis: REDIS_URL is not set and ${why}`, {
    hint: 'Install one (Debian, Ubuntu: apt install redis-server; Fedora: dnf install valkey; macOS: brew install redis) or set REDIS_URL.',
  });

/** Starts the server under a guard process, which also ends it and removes its folder when this process is killed. */
async function startRedis(program: string, { folder: given, signal }: OpenRedisOptions): Promise<LocalRedis> {
  signal?.throwIfAborted();
  const folder = given ?? (await mkdtemp(join(tmpdir(), 'showtell-redis-')));
  // A guard that could not start its server has removed it.
  await makeFolder(folder);
  const port = await freePort();
  // A group of its own, or a Ctrl-C at the terminal would end it before those who use it.
  const password = randomBytes(24).toString('hex');
  keepSecret(password);
  const guard = fork(GUARD, [program, String(port), folder], {
    detached: true,
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    env: { ...process.env, SHOWTELL_GUARDED_PASSWORD: password },
  });
  const ended = new Promise<void>((resolve) => void guard.once('exit', () => resolve()));
  await waitUntilReady(guard, program);
  return {
    url: `redis://:${password}@127.0.0.1:${port}`,
    program,
    stop: async () => {
      if (guard.connected) guard.disconnect();
      await ended;
    },
  };
}

function waitUntilReady(guard: ChildProcess, program: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let complaint = '';
    guard.on('message', (message: { ready?: true; failed?: string }) => {
      if (message.ready) resolve();
      complaint = message.failed ?? complaint;
    });
    guard.once('exit', () =>
      reject(new ShowtellError('REDIS_UNREACHABLE', `${program} could not be started: ${complaint || 'it ended at once'}`)),
    );
  });
}

/** A loopback port on which nothing listens. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve((address as { port: number }).port));
    });
  });
}
