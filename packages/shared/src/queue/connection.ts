import { Redis, type RedisOptions } from 'ioredis';
import { PIXEL_WINDOW, type Settings } from '../config';
import { isShowtellError, ShowtellError } from '../errors';
import { TLS_HINT, tlsTrouble } from '../tls-trouble';

/** The two Redis servers and the settings that name them. */
const ROLES = { jobs: 'REDIS_URL', pixels: 'SHOWTELL_PIXEL_REDIS' } as const;
export type RedisRole = keyof typeof ROLES;

/** Below 5 seconds with the start of a program around it. */
const PREFLIGHT_MS = 4_000;
/** BullMQ reckons when a waiting job is due by the clocks of its workers: one that is ahead keeps such jobs from all others. */
const MOST_SKEW_MS = 5 * 60_000;
const LEAST_VERSION: readonly [number, number] = [6, 2];

/** The address of a server, or `CONFIG_INVALID` when there is none. Without a pixel server of its own, pixels go to the job server. */
function addressOf(settings: Settings, role: RedisRole): { url: string; setting: string } {
  if (role === 'pixels' && settings.pixelRedis !== undefined) return { url: settings.pixelRedis, setting: ROLES.pixels };
  if (settings.redis !== undefined) return { url: settings.redis, setting: ROLES.jobs };
  throw new ShowtellError('CONFIG_INVALID', `Expected the address of a Redis server in ${ROLES.jobs} (or --redis) but nothing is set`, {
    hint: 'Start one and set REDIS_URL=redis://127.0.0.1:6379, or run `showtell up`, which brings one with it.',
  });
}

/** `host:port` of an address, for messages: never the user name or password. */
export function redisHost(url: string): string {
  const { hostname, port } = new URL(url);
  return `${hostname}:${port || 6379}`;
}

/** Prefix of every key in Redis; the braces keep all of them in one slot of a cluster. */
export function redisPrefix(settings: Pick<Settings, 'prefix'>): string {
  return `{${settings.prefix}}`;
}

/**
 * After so long without an answer a connection is given up for another one: a machine or a firewall that is gone says nothing, and TCP
 * would go on hoping for a quarter of an hour. Blocking commands ask for ten seconds at most.
 */
const SILENCE_MS = 20_000;

/**
 * A connection that waits out a server that is away: commands are kept until it is back.
 * Call `preflight` first, which fails fast.
 */
export function connectRedis(settings: Settings, role: RedisRole = 'jobs', options: Omit<RedisOptions, 'replyMapping'> = {}): Redis {
  const defaults: Omit<RedisOptions, 'replyMapping'> = {
    // BullMQ's workers require it: their blocking command outlives any number of reconnections.
    maxRetriesPerRequest: null,
    retryStrategy: (times) => Math.min(100 * 2 ** Math.min(times, 6), 5_000),
    socketTimeout: SILENCE_MS,
  };
  return new Redis(addressOf(settings, role).url, { ...defaults, ...options });
}

export interface RedisReport {
  readonly host: string;
  readonly version: string;
  /** What an operator should know although work can begin. */
  readonly warnings: readonly string[];
}

/**
 * Asks every Redis server in use, within 5 seconds, whether it can be worked with. Every program that uses Redis calls it first,
 * because a command to a server that refuses the password would otherwise wait for ever.
 * @throws ShowtellError `REDIS_UNREACHABLE`, `REDIS_DENIED` or `REDIS_UNSAFE`, naming the setting and the host.
 */
export async function preflight(settings: Settings): Promise<readonly RedisReport[]> {
  const roles: RedisRole[] = settings.pixelRedis === undefined ? ['jobs'] : ['jobs', 'pixels'];
  return Promise.all(roles.map((role) => check(settings, role)));
}

async function check(settings: Settings, role: RedisRole): Promise<RedisReport> {
  const { url, setting } = addressOf(settings, role);
  const host = redisHost(url);
  const redis = connectRedis(settings, role, {
    lazyConnect: true,
    retryStrategy: () => null,
    connectTimeout: PREFLIGHT_MS,
    disconnectTimeout: 100,
  });
  let lastError: Error | undefined;
  redis.on('error', (error: Error) => {
    lastError = error;
  });
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${PREFLIGHT_MS / 1000} s`)), PREFLIGHT_MS);
  });
  try {
    const info = await Promise.race([redis.connect().then(() => redis.info()), deadline]);
    // A database number that the server does not have is told by an event alone; all commands would go to database 0.
    if (lastError !== undefined) throw lastError;
    const window = role === 'jobs' && settings.pixelRedis !== undefined ? 0 : (settings.pixelWindow ?? PIXEL_WINDOW);
    return judge(info, { role, host, setting, window, allowUnsafe: settings.allowUnsafeRedis });
  } catch (error) {
    // The event carries the server's word (WRONGPASS, ECONNREFUSED); the rejection often only says "Connection is closed".
    throw isShowtellError(error) ? error : redisError(lastError ?? error, `${host} (${setting})`);
  } finally {
    clearTimeout(timer);
    // A second disconnect would start a timer that keeps the program alive for two seconds.
    if (redis.status !== 'end') redis.disconnect();
  }
}

interface Judged {
  readonly role: RedisRole;
  readonly host: string;
  readonly setting: string;
  /** Bytes of pixels that this server is to hold. */
  readonly window: number;
  readonly allowUnsafe: boolean;
}

function judge(info: string, { role, host, setting, window, allowUnsafe }: Judged): RedisReport {
  const field = (name: string) => new RegExp(`^${name}:(.*?)\r?$`, 'm').exec(info)?.[1] ?? '';
  const version = field('redis_version');
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const problems: string[] = [];
  const warnings: string[] = [];
  if (major < LEAST_VERSION[0] || (major === LEAST_VERSION[0] && minor < LEAST_VERSION[1]))
    problems.push(`expected version ${LEAST_VERSION.join('.')} or newer but received ${version}`);
  const policy = field('maxmemory_policy');
  // Pixels can be made again, but a reservation that was evicted would let the window overflow.
  if (policy !== '' && policy !== 'noeviction')
    problems.push(`expected maxmemory-policy noeviction but received ${policy}, with which Redis may drop jobs`);
  if (role === 'jobs' && field('aof_enabled') === '0')
    warnings.push(`Redis at ${host} has no append-only file: a restart of it loses the queue (enqueue the run again afterwards)`);
  const memory = Number(field('maxmemory'));
  if (memory > 0 && window >= memory)
    warnings.push(
      `Redis at ${host} may hold ${memory} bytes (maxmemory), and SHOWTELL_PIXEL_WINDOW lets ${window} bytes of pixels wait there: ingest will find it full; lower the window or raise maxmemory`,
    );
  const skew = clockSkew(Number(field('server_time_usec')) / 1_000);
  if (skew !== undefined && !allowUnsafe) throw new ShowtellError('CLOCK_SKEW', `${skew} at ${host} (${setting})`, { hint: CLOCK_HINT });
  if (skew !== undefined) warnings.push(`${skew} at ${host}: jobs that wait are due early or late by as much`);
  if (problems.length > 0) {
    const message = `Redis at ${host} (${setting}) is not safe to work with: ${problems.join('; ')}`;
    if (!allowUnsafe)
      throw new ShowtellError('REDIS_UNSAFE', message, {
        hint: 'Mend the server (CONFIG SET maxmemory-policy noeviction), or set SHOWTELL_ALLOW_UNSAFE_REDIS=true to work with it as it is.',
      });
    warnings.push(message);
  }
  return { host, version, warnings };
}

const CLOCK_HINT = 'Set the clock of this machine, or of that of Redis.';

/** What to say of two clocks that are too far apart; older servers do not tell theirs. */
function clockSkew(theirs: number): string | undefined {
  const ours = Date.now();
  if (!(theirs > 0) || Math.abs(ours - theirs) <= MOST_SKEW_MS) return undefined;
  return `The clock here says ${new Date(ours).toISOString()}, that of Redis ${new Date(theirs).toISOString()}`;
}

/** An error that Redis itself answered with, rather than one of the way to it. */
export const isReply = (error: unknown): error is Error => error instanceof Error && error.name === 'ReplyError';

/** Maps what ioredis or Redis said to a `ShowtellError`; other errors come back as they are. */
export function redisError(error: unknown, where: string): unknown {
  // By its shape: a socket's errors may be of another realm.
  const { message: text, code } = (error ?? {}) as { message?: unknown; code?: unknown };
  if (typeof text !== 'string' || isShowtellError(error)) return error;
  if (/^NOPERM|ACL failure in script|^ERR The user executing the script can't/i.test(text))
    return new ShowtellError('REDIS_DENIED', `Redis at ${where} does not let this user do what it wants to: ${withoutHash(text)}`, {
      hint: 'Use the user of this role in the address; infra/redis/users.acl has the rules of each.',
    });
  if (/^(WRONGPASS|NOAUTH|ERR invalid password|ERR AUTH)/i.test(text))
    return new ShowtellError('REDIS_DENIED', `Redis at ${where} refuses the user name or password: ${firstWord(text)}`, {
      hint: `Check the user name and password in the address.`,
    });
  if (/^OOM |used memory > 'maxmemory'|EXECABORT/.test(text))
    return new ShowtellError('REDIS_FULL', `Redis at ${where} has reached its memory limit`, {
      hint: 'Raise its maxmemory, lower SHOWTELL_PIXEL_WINDOW, or wait for the workers; then run the same command again.',
    });
  if (/^ERR DB index/i.test(text))
    return new ShowtellError('CONFIG_INVALID', `Redis at ${where} has no database of the number in the address`, {
      hint: 'Expected redis://host:port/NUMBER with a number below the `databases` of the server (16 by default).',
    });
  if (/RESP type|Protocol error/i.test(text))
    return new ShowtellError('REDIS_UNREACHABLE', `What answers at ${where} is not Redis`, { hint: 'Check host and port in the address.' });
  const trouble = tlsTrouble(error);
  if (trouble !== undefined)
    return new ShowtellError('REDIS_UNREACHABLE', `Redis at ${where} cannot be spoken to over TLS: ${trouble}`, { hint: TLS_HINT });
  if (isConnectionTrouble(text, code))
    return new ShowtellError('REDIS_UNREACHABLE', `Redis at ${where} does not answer: ${text}`, {
      hint: 'Check that the server runs and that the host, port and TLS (rediss://) in the address are right.',
    });
  return error;
}

function isConnectionTrouble(text: string, code: unknown): boolean {
  return (
    (typeof code === 'string' && /^E[A-Z]+$/.test(code)) ||
    /no answer within|Connection is closed|max retries|timed? ?out|LOADING|MASTERDOWN/i.test(text)
  );
}

/** The server's words alone, without the hash of the script that it names. */
const withoutHash = (text: string) => text.replace(/,? ?script: [0-9a-f]{40}.*$/, '');

/** The server's error word alone: what follows it may repeat what we sent. */
const firstWord = (text: string) => text.split(' ', 1)[0] ?? '';
