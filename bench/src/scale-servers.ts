import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { findProgram, freePort } from '@showtell/cli/local/redis';
import { ShowtellError } from '@showtell/shared/errors';
import { openStore } from '@showtell/shared/object-store/open';
import { Redis } from 'ioredis';

const READY_MS = 15_000;

export interface BenchRedis {
  readonly url: string;
  readonly redis: Redis;
  stop(): Promise<void>;
}

/** A Redis of the bench's own, since its settings are what is measured. */
export async function startBenchRedis(folder: string, { aof }: { readonly aof: boolean }): Promise<BenchRedis> {
  const program = findProgram(['redis-server', 'valkey-server']);
  if (program === undefined)
    throw new ShowtellError('REDIS_UNREACHABLE', 'Expected redis-server or valkey-server on the PATH but found neither', {
      hint: 'Install one: it is what is measured.',
    });
  mkdirSync(folder, { recursive: true });
  const port = await freePort();
  const aofFlags = ['--appendonly', aof ? 'yes' : 'no', '--appendfsync', 'everysec'];
  // As infra/compose.yaml has it.
  const flags = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder, '--hash-max-listpack-value', '256'];
  const child = spawn(program, [...flags, ...aofFlags], { stdio: ['ignore', 'ignore', 'inherit'] });
  const stop = stopper(child, folder);
  const url = `redis://127.0.0.1:${port}`;
  const redis = new Redis(url, { maxRetriesPerRequest: null, retryStrategy: () => 50 });
  redis.on('error', () => {});
  await redis.ping();
  return {
    url,
    redis,
    stop: async () => {
      redis.disconnect();
      await stop();
    },
  };
}

export interface BenchStore {
  /** What stores the objects, for the table. */
  readonly kind: 'versitygw' | 'files';
  readonly url: string;
  readonly endpoint: string | undefined;
  /** Of the server; none where objects are files. */
  readonly pid: number | undefined;
  stop(): Promise<void>;
}

/**
 * A real S3 server over a folder, where versitygw is on the PATH, else the embedded store. Its credentials go into this process'
 * environment, which the workers inherit.
 */
export async function startBenchStore(folder: string): Promise<BenchStore> {
  const bucket = join(folder, 'bench');
  mkdirSync(bucket, { recursive: true });
  const program = findProgram(['versitygw']);
  if (program === undefined)
    return {
      kind: 'files',
      url: pathToFileURL(bucket).href,
      endpoint: undefined,
      pid: undefined,
      stop: async () => rmSync(folder, { recursive: true }),
    };
  const [access, secret] = ['showtell-bench', randomBytes(18).toString('base64url')];
  Object.assign(process.env, {
    AWS_ACCESS_KEY_ID: access,
    AWS_SECRET_ACCESS_KEY: secret,
    AWS_REGION: 'us-east-1',
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
  });
  const port = await freePort();
  const child = spawn(program, ['--quiet', '--port', `127.0.0.1:${port}`, 'posix', folder], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, ROOT_ACCESS_KEY: access, ROOT_SECRET_KEY: secret },
  });
  const server = { kind: 'versitygw' as const, url: 's3://bench', endpoint: `http://127.0.0.1:${port}`, pid: child.pid };
  await untilAnswers(server.url, server.endpoint);
  return { ...server, stop: stopper(child, folder) };
}

async function untilAnswers(url: string, endpoint: string): Promise<void> {
  const store = openStore(url, { endpoint, deadlineMs: 1_000 });
  try {
    for (const last = performance.now() + READY_MS; ; await sleep(50))
      try {
        await store.head('nothing');
        return;
      } catch (error) {
        if (performance.now() > last) throw error;
      }
  } finally {
    await store.close();
  }
}

/** Ends the server and removes its folder; a bench that is killed leaves no server behind. */
function stopper(child: ChildProcess, folder: string): () => Promise<void> {
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => process.exit(130));
  return async () => {
    process.off('exit', kill);
    if (child.exitCode === null && child.signalCode === null) {
      const gone = once(child, 'exit');
      kill();
      await gone;
    }
    rmSync(folder, { recursive: true, force: true });
  };
}
