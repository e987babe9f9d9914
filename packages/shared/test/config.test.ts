import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { CONFIG_FILE, readSettings, SETTINGS, type Settings, WORK_FOLDER } from '../src/config';
import { isShowtellError } from '../src/errors';

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'showtell-config-'));
});
afterEach(() => rmSync(cwd, { recursive: true }));

const writeConfig = (text: string) => writeFileSync(join(cwd, CONFIG_FILE), text);
const problemsOf = (read: () => unknown): string => {
  try {
    read();
  } catch (error) {
    if (isShowtellError(error, 'CONFIG_INVALID')) return error.message;
    throw error;
  }
  throw new Error('nothing was thrown');
};

test('defaults: the embedded store in the working folder, no Redis', () => {
  const settings = readSettings({ env: {}, cwd });
  expect(settings).toMatchObject({
    store: pathToFileURL(join(cwd, WORK_FOLDER, 'store')).href,
    redis: undefined,
    prefix: 'showtell',
    lockSeconds: 60,
  });
});

test('flags win over environment, environment over the file', () => {
  writeConfig('{"lockSeconds": 5, "stalledSeconds": 5, "drainSeconds": 5}');
  const settings = readSettings({ flags: { lockSeconds: '7' }, env: { SHOWTELL_LOCK_SECONDS: '6', SHOWTELL_STALLED_SECONDS: '6' }, cwd });
  expect(settings).toMatchObject({ lockSeconds: 7, stalledSeconds: 6, drainSeconds: 5 });
});

test('an empty variable counts as unset', () => {
  expect(readSettings({ env: { REDIS_URL: '' }, cwd }).redis).toBeUndefined();
});

test('all problems are reported at once, naming where each value came from and without the value', () => {
  writeConfig('{"prefix": "Not Allowed", "nonsense": 1}');
  const message = problemsOf(() => readSettings({ flags: { lockSeconds: 'soon' }, env: { REDIS_URL: 'http://user:hunter2@host' }, cwd }));
  expect(message).toMatch(/^4 settings are wrong/);
  for (const part of ['--lock-seconds', 'REDIS_URL', `"prefix" in ${CONFIG_FILE}`, `"nonsense" in ${CONFIG_FILE}`])
    expect(message).toContain(part);
  expect(message).not.toContain('hunter2');
});

test('a broken config file is named', () => {
  writeConfig('{');
  expect(problemsOf(() => readSettings({ env: {}, cwd }))).toContain(join(cwd, CONFIG_FILE));
});

test('another settings file can be named, and then must exist', () => {
  writeFileSync(join(cwd, 'other.json'), '{"lockSeconds": 9}');
  expect(readSettings({ env: {}, cwd, configFile: 'other.json' }).lockSeconds).toBe(9);
  expect(problemsOf(() => readSettings({ env: {}, cwd, configFile: 'absent.json' }))).toContain(join(cwd, 'absent.json'));
});

test('Redis is found where a living `up` wrote it, and not where a dead one did', () => {
  mkdirSync(join(cwd, WORK_FOLDER));
  const services = (pid: number) =>
    writeFileSync(join(cwd, WORK_FOLDER, 'services.json'), JSON.stringify({ redis: 'redis://127.0.0.1:7777', pid }));
  services(process.pid);
  expect(readSettings({ env: {}, cwd }).redis).toBe('redis://127.0.0.1:7777');
  services(2 ** 22 + 1); // above Linux' largest process id
  expect(readSettings({ env: {}, cwd }).redis).toBeUndefined();
});

test.each([
  ['2147483648', 2 ** 31],
  ['2GiB', 2 ** 31],
  ['1.5 GB', 1.5e9],
  ['512kib', 2 ** 19],
  [1024, 1024],
  ['0', 0],
])('a size of %s is %s bytes', (featureMemory, bytes) => {
  expect(readSettings({ flags: { featureMemory }, env: {}, cwd: '/' }).featureMemory).toBe(bytes);
});

test.each(['2 apples', '-1', 'GiB', ''])('a size of %j is none', (featureMemory) => {
  expect(() => readSettings({ flags: { featureMemory }, env: {}, cwd: '/' })).toThrow(/--feature-memory: expected bytes, such as 2GiB/);
});

test.each([
  [
    { redis: 'redis://:pw@host:99999' },
    /^--redis: expected an address that begins with redis:\/\/ or rediss:\/\/; this one cannot be read: a port/,
  ],
  [{ redis: 'redis://:p/w@host' }, /^--redis: .*written %2F/],
  [{ redis: 'redis://host/zero' }, /^--redis: expected a database number, or nothing, behind the host/],
  [{ redis: 5 }, /^--redis: expected an address that begins with redis:\/\/ or rediss:\/\/$/],
  [{ s3Endpoint: 'minio:9000' }, /^--s3-endpoint: expected an address that begins with http:\/\/ or https:\/\/$/],
  [{ lockSeconds: 'soon' }, /^--lock-seconds: expected a number from 1 to 3600 but received "soon"$/],
  [{ lockSeconds: true }, /^--lock-seconds: expected a number from 1 to 3600 but received true$/],
  [{ lockSeconds: '' }, /^--lock-seconds: expected a number from 1 to 3600 but received ""$/],
  [{ lockSeconds: '0x10' }, /but received "0x10"$/],
  [{ stalledSeconds: 0.1 }, /^--stalled-seconds: expected a number from 0.2 to 3600 but received 0.1$/],
  [{ pixelWindow: -1 }, /^--pixel-window: expected bytes, such as 2GiB but received -1$/],
  [{ allowUnsafeRedis: 'maybe' }, /^--allow-unsafe-redis: expected true or false but received "maybe"$/],
  [{ logLevel: 'loud' }, /^--log-level: expected trace, .* or silent but received "loud"$/],
])('%j is refused, saying what was expected', (flags, says) => {
  expect(problemsOf(() => readSettings({ flags, env: {}, cwd }))).toMatch(says);
});

test('in a file only settings count, whatever else an object has by itself', () => {
  writeConfig('{"__proto__": {"prefix": "x"}, "toString": 1}');
  expect(problemsOf(() => readSettings({ env: {}, cwd }))).toMatch(/^2 settings are wrong[^]*"__proto__" in [^]*"toString" in /);
});

test('a file that is no JSON, or no object, is named and none of it is shown', () => {
  writeConfig('{"redis": redis://:hunter2@host}');
  expect(problemsOf(() => readSettings({ env: {}, cwd }))).toMatch(/expected JSON, which this is not$/);
  writeConfig('["hunter2"]');
  expect(problemsOf(() => readSettings({ env: {}, cwd }))).toMatch(/expected a JSON object but received a list$/);
});

test('whatever a file holds, settings are read or all that is wrong is told', () => {
  const value = fc.oneof(fc.anything(), fc.constantFrom('1e999', '5', 'true', 'redis://h', 'file:///x', '2GiB', 'debug', -0, 1e21));
  const object = fc.dictionary(fc.oneof(fc.constantFrom(...Object.keys(SETTINGS)), fc.string()), value);
  fc.assert(
    fc.property(object, (file) => {
      writeConfig(JSON.stringify(file));
      let settings: Settings;
      try {
        settings = readSettings({ env: {}, cwd });
      } catch (error) {
        if (isShowtellError(error, 'CONFIG_INVALID')) return;
        throw error;
      }
      // What was accepted is what was written, or the number or truth that its text means.
      for (const [name, given] of Object.entries(JSON.parse(JSON.stringify(file)) as Record<string, unknown>)) {
        const read = settings[name as keyof Settings];
        expect(Object.hasOwn(SETTINGS, name)).toBe(true);
        if (typeof read === 'string' || typeof given !== 'string') expect(read).toBe(given);
      }
    }),
    { numRuns: 300 },
  );
});
