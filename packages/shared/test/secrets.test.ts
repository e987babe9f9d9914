import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSettings } from '../src/config';
import { hideSecrets, keepPassword, keepSecret, readSecret } from '../src/secrets';
import { sourceAccess } from '../src/source/source-access';

test('credentials in addresses are hidden, the rest stays', () => {
  expect(hideSecrets('{"url":"redis://user:p%40ss@host:6379/0","also":"https://token@example.org/a@b"}')).toBe(
    '{"url":"redis://***@host:6379/0","also":"https://***@example.org/a@b"}',
  );
  expect(hideSecrets('mail me@example.org, see s3://bucket/a@b')).toBe('mail me@example.org, see s3://bucket/a@b');
  expect(hideSecrets('redis://user:p@ss@host')).toBe('redis://***@host');
  expect(hideSecrets('GET https://host/x?versionId=1&X-Amz-Signature=abc&X-Amz-Date=1 failed')).toBe(
    'GET https://host/x?versionId=1&X-Amz-Signature=***&X-Amz-Date=1 failed',
  );
});

test('what somebody made long hides as soon as anything else: nothing is looked at again and again', () => {
  // By the square of its length each of these took more than a day.
  for (const text of ['a', 'a://', '://', '?sig=', 'a.b@']) {
    const line = text.repeat(8_000_000 / text.length);
    expect(hideSecrets(`${line} redis://user:password@host`).endsWith('redis://***@host')).toBe(true);
  }
});

test('a secret that was kept is hidden in every form', () => {
  keepSecret('a "quoted" one+/=');
  keepPassword('redis://me:p%40ss%2Fword1@host');
  const text = ['a "quoted" one+/=', JSON.stringify({ of: 'a "quoted" one+/=' }), encodeURIComponent('a "quoted" one+/=')].join('\n');
  expect(hideSecrets(text)).toBe('***\n{"of":"***"}\n***');
  expect(hideSecrets('p@ss/word1 and p%40ss%2Fword1')).toBe('*** and ***');
});

test('one that is too short to be told from a word is left', () => {
  keepSecret('the');
  expect(hideSecrets('the end')).toBe('the end');
});

describe('a variable by its file', () => {
  let folder: string;
  const file = (name: string, text: string) => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'showtell-secrets-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test('is what stands there, without the line end', () => {
    expect(readSecret({ X_FILE: file('x', 'sesame\n') }, 'X')).toEqual({ value: 'sesame', variable: 'X_FILE' });
    expect(readSecret({ X: 'own', X_FILE: '' }, 'X')).toEqual({ value: 'own', variable: 'X' });
    expect(readSecret({}, 'X')).toEqual({ value: undefined, variable: 'X' });
  });

  test('addresses of Redis and the keys of a source can be given so', () => {
    const REDIS_URL_FILE = file('redis', 'redis://encoder:sesame-of-redis@host:6379\n');
    expect(readSettings({ env: { REDIS_URL_FILE }, cwd: folder }).redis).toBe('redis://encoder:sesame-of-redis@host:6379');
    expect(hideSecrets('sesame-of-redis')).toBe('***');
    const SHOWTELL_SOURCE_SECRET_ACCESS_KEY_FILE = file('secret', 'sesame-of-source');
    expect(sourceAccess({ SHOWTELL_SOURCE_ACCESS_KEY_ID: 'key', SHOWTELL_SOURCE_SECRET_ACCESS_KEY_FILE })).toEqual({
      credentials: { accessKeyId: 'key', secretAccessKey: 'sesame-of-source' },
    });
    expect(hideSecrets('sesame-of-source')).toBe('***');
  });

  test.each([
    ['both are set', () => ({ REDIS_URL: 'redis://a', REDIS_URL_FILE: file('x', 'redis://b') }), 'either it or REDIS_URL'],
    ['it is not there', () => ({ REDIS_URL_FILE: join(folder, 'absent') }), 'cannot be read (ENOENT)'],
    ['it is a folder', () => ({ REDIS_URL_FILE: folder }), 'cannot be read (EISDIR)'],
    ['it is empty', () => ({ REDIS_URL_FILE: file('x', '\n') }), 'is empty'],
    ['it is no address', () => ({ REDIS_URL_FILE: file('x', 'sesame') }), 'REDIS_URL_FILE: expected an address'],
  ])('%s: CONFIG_INVALID, without what stands there', (_title, env, message) => {
    const read = () => readSettings({ env: env(), cwd: folder });
    expect(read).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(message) }) as Error);
    expect(read).toThrow(expect.objectContaining({ message: expect.not.stringContaining('sesame') }) as Error);
  });
});

test('a command line may not hold a password; a caller within the program may', () => {
  const flags = {
    imagenetUrl: 'https://me:sesame-of-mirror@host/file',
    redis: 'redis://:sesame@host',
    pixelRedis: 'rediss://me:sesame@host',
    lockSeconds: 0,
  };
  const read = () => readSettings({ flags, commandLine: true, env: {}, cwd: '/' });
  for (const part of [
    '--redis: expected an address without a password',
    '--pixel-redis: expected',
    '--imagenet-url: expected',
    '--lock-seconds',
  ])
    expect(read).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(part) }) as Error);
  expect(read).toThrow(expect.objectContaining({ message: expect.not.stringContaining('sesame') }) as Error);
  expect(readSettings({ flags: { redis: 'redis://me@host' }, commandLine: true, env: {}, cwd: '/' }).redis).toBe('redis://me@host');
  expect(readSettings({ flags: { redis: 'redis://:sesame@host' }, env: {}, cwd: '/' }).redis).toBe('redis://:sesame@host');
});
