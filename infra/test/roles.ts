import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { S3Client } from '@aws-sdk/client-s3';
import { Redis } from 'ioredis';
import { findRedisServer, freePort } from './redis-server';
import { s3TestServer } from './s3-server';

export const ROLES = ['admin', 'ingest', 'encoder', 'trainer', 'reader'] as const;
export type Role = (typeof ROLES)[number];

const INFRA = join(__dirname, '..');
const PROGRAM = join(INFRA, '..', 'packages', 'cli', 'bin', 'showtell.js');
const BUCKET = 'showtell-roles';
const PREFIX = 'results';
const START_MS = 15_000;

export interface Command {
  readonly child: ChildProcess;
  readonly said: () => string;
  readonly exit: Promise<number | null>;
}

/** Servers as infra/compose.yaml sets them up, with a name and a secret for each role, and programs that are given them as files. */
export interface RoleServers {
  readonly folder: string;
  readonly bucket: string;
  readonly prefix: string;
  /** Every secret of every role. */
  readonly secrets: readonly string[];
  /** A command of the program, with what that role is given; `s3` and `redis` where they are another's. */
  showtell(role: Role, args: readonly string[], others?: { readonly redis?: Role; readonly s3?: Role }): Command;
  redis(role: Role): Redis;
  /** Kills the Redis server, and starts it again on its append-only file. */
  restartRedis(): Promise<void>;
  s3(role: Role | 'root'): S3Client;
  /** What Redis has refused since the last call. */
  refusedByRedis(): Promise<string[]>;
  /** What the S3 server has refused. */
  refusedByS3(): string[];
  stop(): Promise<void>;
}

/** `undefined`: all is at hand that roles are tried with; else what is missing. */
export function rolesNeed(): string | undefined {
  if (findRedisServer() === undefined) return 'no Redis server on the PATH';
  const s3 = s3TestServer();
  return s3 && 'program' in s3 ? undefined : 'no versitygw on the PATH';
}

export async function startRoleServers(): Promise<RoleServers> {
  const folder = mkdtempSync(join(tmpdir(), 'showtell-roles-'));
  const [secrets, iam, data] = ['secrets', 'iam', 'data'].map((name) => join(folder, name)) as [string, string, string];
  for (const made of [secrets, data]) mkdirSync(made);
  const [port, s3Port, watcher] = [await freePort(), await freePort(), `watcher-${process.pid}`];
  const endpoint = `http://127.0.0.1:${s3Port}`;
  const accessLog = join(folder, 'access.log');
  execFileSync(join(INFRA, 'make-secrets.sh'), [secrets], {
    env: { ...process.env, REDIS: `127.0.0.1:${port}`, PIXELS: `127.0.0.1:${port}` },
  });
  const secretOf = (name: string) => readFileSync(join(secrets, name), 'utf8').trim();
  const keysOf = (role: Role | 'root') => {
    const [, accessKeyId, secretAccessKey] = /access_key_id = (\S+)\naws_secret_access_key = (\S+)/.exec(secretOf(`s3-${role}`))!;
    return { accessKeyId: accessKeyId!, secretAccessKey: secretAccessKey! };
  };
  const setup = (...args: string[]) => execFileSync(process.execPath, [join(INFRA, 's3', 'setup.js'), ...args], { stdio: 'pipe' });
  setup('users', secrets, iam);

  const servers: ChildProcess[] = [];
  const start = (program: string, args: readonly string[], env: NodeJS.ProcessEnv) => {
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, ...env }, cwd: folder });
    servers.push(child);
    return child;
  };
  const end = () => {
    for (const child of servers) child.kill('SIGKILL');
  };
  // A test run that dies must not leave the servers behind.
  process.once('exit', end);
  // Nobody of the roles may read what was refused.
  const watcherRule = `${watcher} on >watching -@all +acl|log +ping +hello +auth +info`;
  const startRedis = () =>
    start(
      join(INFRA, 'redis', 'start.sh'),
      ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'yes', '--user', ...watcherRule.split(' ')],
      {
        SECRETS: secrets,
        REDIS_SERVER: findRedisServer()!,
      },
    );
  let redisServer = startRedis();
  const { accessKeyId: ROOT_ACCESS_KEY, secretAccessKey: ROOT_SECRET_KEY } = keysOf('root');
  start('versitygw', ['--quiet', '--port', `127.0.0.1:${s3Port}`, '--iam-dir', iam, '--access-log', accessLog, 'posix', data], {
    ROOT_ACCESS_KEY,
    ROOT_SECRET_KEY,
  });
  const retry = async (work: () => unknown) => {
    for (const deadline = performance.now() + START_MS; ; await sleep(50))
      try {
        return await work();
      } catch (error) {
        if (performance.now() > deadline) throw error;
      }
  };
  const connect = (user: string, password: string) => {
    const redis = new Redis({ port, host: '127.0.0.1', username: user, password, lazyConnect: true, retryStrategy: () => null });
    redis.on('error', () => {});
    return redis;
  };
  const redisIsReady = () =>
    retry(async () => {
      const redis = connect(watcher, 'watching');
      await redis.connect();
      redis.disconnect();
    });
  await redisIsReady();
  await retry(() => setup('policy', secrets, endpoint, BUCKET, PREFIX));

  const commands: Command[] = [];
  const closing: (() => void)[] = [];
  return {
    folder,
    bucket: BUCKET,
    prefix: PREFIX,
    secrets: [
      ...ROLES.map((role) => new URL(secretOf(`redis-${role}`)).password),
      ...[...ROLES, 'root' as const].map((role) => keysOf(role).secretAccessKey),
    ],
    showtell(role, args, { redis = role, s3 = role } = {}) {
      const env: NodeJS.ProcessEnv = {
        ...process.env,
        REDIS_URL_FILE: join(secrets, `redis-${redis}`),
        SHOWTELL_PIXEL_REDIS_FILE: join(secrets, `pixels-${redis}`),
        SHOWTELL_STORE: `s3://${BUCKET}/${PREFIX}`,
        S3_ENDPOINT: endpoint,
        AWS_SHARED_CREDENTIALS_FILE: join(secrets, `s3-${s3}`),
        AWS_CONFIG_FILE: join(folder, 'none'),
        AWS_REGION: 'us-east-1',
        SHOWTELL_STALLED_SECONDS: '1',
      };
      for (const name of ['REDIS_URL', 'SHOWTELL_PIXEL_REDIS', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_PROFILE'])
        delete env[name];
      const child = spawn(process.execPath, [PROGRAM, ...args], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
      let said = '';
      for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (said += text));
      const exit = new Promise<number | null>((resolve) => child.once('close', resolve));
      const command = { child, said: () => said, exit };
      commands.push(command);
      return command;
    },
    redis(role) {
      const redis = connect(role, new URL(secretOf(`redis-${role}`)).password);
      closing.push(() => redis.disconnect());
      return redis;
    },
    async restartRedis() {
      redisServer.kill('SIGKILL');
      await once(redisServer, 'exit');
      redisServer = startRedis();
      await redisIsReady();
    },
    s3(role) {
      process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';
      const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials: keysOf(role), maxAttempts: 1 });
      closing.push(() => client.destroy());
      return client;
    },
    async refusedByRedis() {
      const watching = connect(watcher, 'watching');
      const found = (await watching.call('ACL', 'LOG')) as unknown[][];
      await watching.call('ACL', 'LOG', 'RESET');
      watching.disconnect();
      return found.map((entry) => {
        const field = (name: string) => String(entry[entry.indexOf(name) + 1]);
        return `${field('username')} ${field('reason')} ${field('object')} (${field('context')})`;
      });
    },
    refusedByS3: () =>
      readFileSync(accessLog, 'utf8')
        .split('\n')
        .filter((line) => / 403 /.test(line)),
    async stop() {
      for (const { child, exit } of commands) {
        child.kill('SIGKILL');
        await exit;
      }
      for (const close of closing) close();
      process.off('exit', end);
      const ended = servers.flatMap((child) => (child.exitCode === null && child.signalCode === null ? [once(child, 'exit')] : []));
      end();
      await Promise.all(ended);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
