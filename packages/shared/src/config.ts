import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { ShowtellError } from './errors';
import { mistypedVariables } from './mistyped-variables';
import { keepPassword, keepSecret, readSecret } from './secrets';
import { Bool, Bytes, Folder, GIB, isAddress, RedisUrl, Seconds, Url } from './setting-schemas';
import { SOURCE_VARIABLES, sourceAccessProblems } from './source/source-access';

/** Where nothing is said of the pixel window: a shard of 512 photos takes 137 MB. */
export const PIXEL_WINDOW = 2 ** 30;

/** Every setting: its place in `showtell.config.json` (the key), its environment variable, and what it means. */
export const SETTINGS = {
  store: { env: 'SHOWTELL_STORE', schema: Url(['file:', 's3:']), meaning: 'object store: file:///folder or s3://bucket/prefix' },
  redis: { env: 'REDIS_URL', schema: RedisUrl, meaning: 'job server' },
  pixelRedis: { env: 'SHOWTELL_PIXEL_REDIS', schema: RedisUrl, meaning: 'Redis for pixels (default: the job server)' },
  s3Endpoint: { env: 'S3_ENDPOINT', schema: Url(['http:', 'https:']), meaning: 'address of an S3-compatible server (default: AWS)' },
  imagenetUrl: {
    env: 'SHOWTELL_IMAGENET_URL',
    schema: Url(['http:', 'https:']),
    meaning: "mirror of Keras' ImageNet weights file (default: Keras' own server)",
  },
  tensorflow: {
    env: 'SHOWTELL_TENSORFLOW',
    schema: Folder,
    meaning: 'folder in which engine install keeps TensorFlow (default: ~/.cache/showtell/tensorflow)',
  },
  prefix: {
    env: 'SHOWTELL_PREFIX',
    schema: z
      .string()
      .regex(/^[a-z0-9-]{1,40}$/, 'expected lower-case letters, digits and "-", at most 40')
      .default('showtell'),
    meaning: 'prefix of all keys in Redis',
  },
  lockSeconds: {
    env: 'SHOWTELL_LOCK_SECONDS',
    schema: Seconds(1, 3600).default(60),
    meaning: 'how long a job stays locked without renewal',
  },
  stalledSeconds: {
    env: 'SHOWTELL_STALLED_SECONDS',
    schema: Seconds(0.2, 3600).default(30),
    meaning: 'how often dead workers are looked for',
  },
  pixelWindow: {
    env: 'SHOWTELL_PIXEL_WINDOW',
    schema: Bytes,
    meaning: 'bytes of prepared pixels that may wait in Redis; 0: encoders prepare photos themselves (default: 1 GiB; 0 under `up`)',
  },
  engineMemory: {
    env: 'SHOWTELL_ENGINE_MEMORY',
    schema: Bytes.default(4 * GIB),
    meaning: 'bytes of memory from which on an encoder process that has grown is replaced between two shards; 0: never',
  },
  featureMemory: {
    env: 'SHOWTELL_FEATURE_MEMORY',
    schema: Bytes,
    meaning:
      'bytes of features that a training keeps in memory, such as 2GiB; the rest it reads when it comes to it (default: half of the memory)',
  },
  checkpointSeconds: {
    env: 'SHOWTELL_CHECKPOINT_SECONDS',
    schema: Seconds(1, 1e6).default(900),
    meaning: 'how long a training goes on without a checkpoint; each epoch ends with one',
  },
  drainSeconds: {
    env: 'SHOWTELL_DRAIN_SECONDS',
    schema: Seconds(0, 3600).default(25),
    meaning: 'how long a stopping worker may finish what it has begun',
  },
  allowUnsafeRedis: {
    env: 'SHOWTELL_ALLOW_UNSAFE_REDIS',
    schema: Bool.default(false),
    meaning: 'work with a Redis that evicts keys, is too old, or whose clock is minutes off',
  },
  logLevel: {
    env: 'SHOWTELL_LOG_LEVEL',
    schema: z
      .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], {
        error: 'expected trace, debug, info, warn, error, fatal or silent',
      })
      .default('info'),
    meaning: 'least level that is logged',
  },
} as const;

type SettingName = keyof typeof SETTINGS;
/** Addresses in which a password may stand: their variables may name a file instead, and a command line may not hold one. */
export const SECRET_SETTINGS: readonly SettingName[] = ['redis', 'pixelRedis', 'imagenetUrl'];

/** Each variable by its own name, and by those that people may take for it. */
const VARIABLES: ReadonlyMap<string, string> = new Map(
  [
    ...Object.entries(SETTINGS).flatMap(([name, { env }]) => [
      [env, env],
      [`SHOWTELL_${env}`, env],
      [`SHOWTELL_${kebab(name).replaceAll('-', '_').toUpperCase()}`, env],
    ]),
    ...[...SECRET_SETTINGS.map((name) => SETTINGS[name]), ...Object.values(SOURCE_VARIABLES)].flatMap(({ env }) => [
      [env, env],
      [`${env}_FILE`, `${env}_FILE`],
    ]),
  ].map(([likely, variable]) => [likely!, variable!]),
);

export type Settings = {
  readonly [Name in SettingName]: Name extends 'redis' | 'pixelRedis' | 's3Endpoint' | 'imagenetUrl' | 'tensorflow'
    ? string | undefined
    : Name extends 'pixelWindow' | 'featureMemory'
      ? number | undefined
      : z.output<(typeof SETTINGS)[Name]['schema']>;
};
export type SettingFlags = { readonly [Name in SettingName]?: string | number | boolean | undefined };

export const CONFIG_FILE = 'showtell.config.json';
/** Folder of what belongs to the working folder: the embedded store, caches, addresses of services that `up` started. */
export const WORK_FOLDER = '.showtell';

export interface SettingSources {
  /** Flags as the command line gave them; they win over everything. */
  readonly flags?: SettingFlags;
  /** The flags stand on a command line, which everybody on the machine can see. */
  readonly commandLine?: boolean;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Settings file to read instead of `showtell.config.json` in `cwd`; then it must exist. */
  readonly configFile?: string | undefined;
}

/**
 * Reads settings from flags, then environment, then `showtell.config.json`, then (for Redis) what `showtell up` wrote.
 * All problems are reported at once as `CONFIG_INVALID`; values that may hold a secret are not printed.
 */
export function readSettings({
  flags = {},
  commandLine = false,
  env = process.env,
  cwd = process.cwd(),
  configFile,
}: SettingSources = {}): Settings {
  const problems: string[] = [];
  const file = readConfigFile(cwd, configFile, problems);
  const fileName = configFile ?? CONFIG_FILE;
  const services = readServices(cwd);
  const settings: Record<string, unknown> = {};
  for (const [name, { env: variable, schema }] of Object.entries(SETTINGS)) {
    const secret = SECRET_SETTINGS.includes(name as SettingName);
    const fromEnv = secret ? readSecret(env, variable) : { value: env[variable] || undefined, variable, problem: undefined };
    if (fromEnv.problem !== undefined) problems.push(fromEnv.problem);
    const found: [unknown, string] =
      flags[name as SettingName] !== undefined
        ? [flags[name as SettingName], `--${kebab(name)}`]
        : fromEnv.value !== undefined
          ? [fromEnv.value, fromEnv.variable]
          : Object.hasOwn(file, name)
            ? [file[name], `"${name}" in ${fileName}`]
            : [name === 'store' ? defaultStore(cwd) : name === 'redis' ? services?.redis : undefined, variable];
    const parsed = (found[0] === undefined ? schema.optional() : schema).safeParse(found[0]);
    if (!parsed.success) problems.push(`${found[1]}: ${problemOf(schema, parsed.error, found[0])}`);
    else settings[name] = parsed.data ?? schema.safeParse(undefined).data;
    if (secret) keepPassword(settings[name] as string | undefined);
    if (secret && commandLine && hasPassword(flags[name as SettingName]))
      problems.push(
        `--${kebab(name)}: expected an address without a password, which others could see; put it into ${variable} or ${variable}_FILE`,
      );
  }
  for (const name of Object.keys(file))
    if (!Object.hasOwn(SETTINGS, name))
      problems.push(`"${name}" in ${fileName}: no setting of that name (there are ${Object.keys(SETTINGS).join(', ')})`);
  problems.push(...sourceAccessProblems(env), ...mistypedVariables(env, VARIABLES));
  for (const name of ['AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN']) keepSecret(env[name]);
  if (problems.length > 0)
    throw new ShowtellError(
      'CONFIG_INVALID',
      problems.length === 1
        ? problems[0]!
        : `${problems.length} settings are wrong:\n${problems.map((problem) => `  ${problem}`).join('\n')}`,
    );
  return settings as Settings;
}

export function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

const hasPassword = (address: unknown) => typeof address === 'string' && URL.canParse(address) && new URL(address).password !== '';

/** What is wrong with a value, which is printed unless it may hold a secret: that of an address. */
function problemOf(schema: z.ZodType, { issues }: z.ZodError, value: unknown): string {
  const expected = issues.map(({ message }) => message).join('; ');
  return isAddress(schema) ? expected : `${expected} but received ${JSON.stringify(value)}`;
}

function defaultStore(cwd: string): string {
  return pathToFileURL(join(cwd, WORK_FOLDER, 'store')).href;
}

function readConfigFile(cwd: string, named: string | undefined, problems: string[]): Record<string, unknown> {
  const path = resolve(cwd, named ?? CONFIG_FILE);
  if (named === undefined && !existsSync(path)) return {};
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (value !== null && typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>;
    problems.push(
      `${path}: expected a JSON object but received ${Array.isArray(value) ? 'a list' : value === null ? 'null' : `a ${typeof value}`}`,
    );
  } catch (error) {
    // The parser's own words repeat a piece of the file, in which a password may stand.
    problems.push(`${path}: ${error instanceof SyntaxError ? 'expected JSON, which this is not' : (error as Error).message}`);
  }
  return {};
}

/** Addresses that a running `showtell up` wrote to `.showtell/services.json`; `undefined` when it is not running. */
export function readServices(cwd: string): { redis: string; pid: number } | undefined {
  try {
    const services = z
      .object({ redis: z.string(), pid: z.int() })
      .parse(JSON.parse(readFileSync(join(cwd, WORK_FOLDER, 'services.json'), 'utf8')));
    process.kill(services.pid, 0);
    return services;
  } catch {
    // Absent, unreadable, or left by an `up` that is gone: the address would lead nowhere.
    return undefined;
  }
}
