import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { isShowtellError } from '@showtell/shared/errors';
import { hideSecrets } from '@showtell/shared/secrets';
import { findProgram, openRedis } from '../../src/local/redis';
import { until } from '../until';

const silent = { announce: () => {} };
const withRedis = findProgram(['redis-server', 'valkey-server']) === undefined ? describe.skip : describe;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'showtell-redis-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The answer to one command, or `undefined` when nobody listens. */
function ask(url: string, command: string, password = new URL(url).password): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1', () =>
      socket.end(`${password === '' ? '' : `AUTH ${password}\r\n`}${command}\r\n`),
    );
    let answer = '';
    socket.once('error', () => resolve(undefined));
    socket.on('data', (data) => (answer += data.toString()));
    socket.once('close', () => resolve(answer === '' ? undefined : answer.replace(/^\+OK\r\n/, '')));
  });
}

function program(name: string, script: string): string {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

test('a configured address is taken as it is', async () => {
  const redis = await openRedis({ url: 'redis://elsewhere:1', ...silent });
  expect(redis).toMatchObject({ url: 'redis://elsewhere:1', program: undefined });
  await redis.stop();
});

test('programs are found in the order of their names, then of the PATH', () => {
  const valkey = program('valkey-server', 'exit');
  const env = { PATH: ['', '/nowhere', folder].join(delimiter) };
  expect(findProgram(['redis-server', 'valkey-server'], env)).toBe(valkey);
  const redis = program('redis-server', 'exit');
  expect(findProgram(['redis-server', 'valkey-server'], env)).toBe(redis);
  chmodSync(redis, 0o644);
  expect(findProgram(['redis-server', 'valkey-server'], env)).toBe(valkey);
});

test('without a program and without apt-get it says what to install', async () => {
  const failure = await openRedis({ ...silent, env: { PATH: folder } }).catch((error: unknown) => error);
  expect(isShowtellError(failure, 'REDIS_UNREACHABLE') && failure.hint).toContain('apt install redis-server');
});

test('a program that ends at once is an error with its last words, and its folder is removed', async () => {
  const path = program('redis-server', 'echo "$1" >&2; echo no licence >&2; exit 3');
  const failure = await openRedis({ ...silent, env: { PATH: folder } }).catch((error: unknown) => error);
  expect(isShowtellError(failure, 'REDIS_UNREACHABLE') && failure.message).toBe(`${path} could not be started: no licence`);
});

if (process.getuid?.() === 0) {
  test('as root it is installed with apt-get, which is announced first; a failure tells apt-get’s own words', async () => {
    const log = join(folder, 'log');
    program('apt-get', `echo "$1" >> ${log}; if [ "$1" = install ]; then echo "E: no network" >&2; exit 100; fi`);
    const announced: string[] = [];
    const failure = await openRedis({ announce: (line) => announced.push(`${line} ${existsSync(log)}`), env: { PATH: folder } }).catch(
      (error: unknown) => error,
    );
    expect(announced).toEqual([expect.stringMatching(/apt-get install -y redis-server false$/)]);
    expect(isShowtellError(failure, 'REDIS_UNREACHABLE') && failure.message).toContain('apt-get install failed (E: no network)');
  });
}

withRedis('a server of our own', () => {
  test('keeps jobs safe, and leaves neither process nor folder', async () => {
    const redis = await openRedis(silent);
    const dir = await folderOf(redis.url);
    expect(existsSync(dir)).toBe(true);
    expect(await ask(redis.url, 'CONFIG GET maxmemory-policy')).toContain('noeviction');
    expect(await ask(redis.url, 'CONFIG GET appendonly')).toContain('yes');
    await redis.stop();
    expect(await ask(redis.url, 'PING')).toBeUndefined();
    expect(existsSync(dir)).toBe(false);
  });

  test('answers nobody who does not know its password, which no command line shows', async () => {
    const redis = await openRedis(silent);
    try {
      const { password } = new URL(redis.url);
      expect(password).toMatch(/^[0-9a-f]{48}$/);
      for (const command of ['PING', 'CONFIG SET dir /', 'KEYS *'])
        expect([command, await ask(redis.url, command, '')]).toEqual([command, expect.stringMatching(/^-NOAUTH/)]);
      expect(await ask(redis.url, 'PING', 'guessed')).toMatch(/^-WRONGPASS/);
      const conf = join(await folderOf(redis.url), 'redis.conf');
      expect(statSync(conf).mode & 0o077).toBe(0);
      for (const process of readdirSync('/proc').filter((name) => /^\d+$/.test(name)))
        expect(commandLineOf(process)).not.toContain(password);
      expect(hideSecrets(`said ${password}`)).toBe('said ***');
    } finally {
      await redis.stop();
    }
  });

  test('ends with the process that started it, also when that is killed', async () => {
    const parent = startInOtherProcess();
    const url = await new Promise<string>((resolve) => parent.stdout!.once('data', (data: Buffer) => resolve(data.toString().trim())));
    const dir = await folderOf(url);
    parent.kill('SIGKILL');
    await until(() => !existsSync(dir));
    expect(await ask(url, 'PING')).toBeUndefined();
  });
});

/** Empty once it has ended. */
function commandLineOf(process: string): string {
  try {
    return readFileSync(`/proc/${process}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

const folderOf = async (url: string) => /\/\S+/.exec((await ask(url, 'CONFIG GET dir')) ?? '')?.[0] ?? 'no answer';

function startInOtherProcess(): ChildProcess {
  const module = join(__dirname, '..', '..', 'dist', 'local', 'redis.js');
  const script = `require(${JSON.stringify(module)}).openRedis({ announce() {} }).then((redis) => console.log(redis.url))`;
  return spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
}
