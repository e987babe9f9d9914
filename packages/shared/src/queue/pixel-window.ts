import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { PIXEL_WINDOW } from '../config';
import type { Precision } from '../schema/encoder-identity';
import { jobIds } from './queues';

/** How long a reservation, and the pixels under it, outlive the last word of whoever made it. */
const LEASE_MS = 60 * 60 * 1_000;
/**
 * The part of the window that each precision keeps to itself: runs of a precision that no worker serves would otherwise
 * fill the window and block all others. One precision alone can use what the other two leave: two thirds.
 */
const OWN_SHARE = 6;
const PRECISIONS = 3;

/**
 * Reserves ARGV[2] bytes for member ARGV[1] ("precision/shard"), or renews its lease. Lost leases are forgotten first.
 * Granted when Σ over precisions of max(bytes reserved, a precision's own share) stays within the limit.
 * Returns the lease's end in ms of Redis' own clock, or 0 when the window is full.
 */
const RESERVE = `
local leases, sizes = KEYS[1], KEYS[2]
local member, bytes, limit, lease, share, precisions = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for _, lost in ipairs(redis.call('ZRANGEBYSCORE', leases, '-inf', now)) do
  redis.call('ZREM', leases, lost)
  redis.call('HDEL', sizes, lost)
end
local own = string.match(member, '^[^/]+')
local used = { [own] = bytes }
local seen = 1
local held = redis.call('HGETALL', sizes)
for i = 1, #held, 2 do
  if held[i] ~= member then
    local precision = string.match(held[i], '^[^/]+')
    if not used[precision] then
      used[precision] = 0
      seen = seen + 1
    end
    used[precision] = used[precision] + tonumber(held[i + 1])
  end
end
local sum = math.max(precisions - seen, 0) * share
for _, size in pairs(used) do sum = sum + math.max(size, share) end
if sum > limit then return 0 end
redis.call('ZADD', leases, now + lease, member)
redis.call('HSET', sizes, member, bytes)
return now + lease`;

const RELEASE = `
redis.call('ZREM', KEYS[1], ARGV[1])
return redis.call('HDEL', KEYS[2], ARGV[1])`;

export interface PixelWindowOptions {
  /** The installation's prefix of keys, braces included. */
  readonly prefix: string;
  /** Bytes of pixels that may lie in Redis. 0: none, and the encoders prepare their photos themselves. Default: 1 GiB. */
  readonly limit?: number | undefined;
  readonly leaseMs?: number;
}

/** `until`: when the reservation and its pixels expire, in ms of Redis' clock. */
export type Reservation = { readonly until: number } | 'full' | 'too-large';

/**
 * The bound on pixels in Redis: one leased reservation a shard, taken before its first image is prepared and given back when its
 * features are committed. A program that dies holding one leaks it for the lease only; asking again for the same shard renews it.
 */
export class PixelWindow {
  readonly #redis: Redis;
  readonly #leases: string;
  readonly #sizes: string;
  readonly #limit: number;
  readonly #leaseMs: number;

  constructor(redis: Redis, { prefix, limit = PIXEL_WINDOW, leaseMs = LEASE_MS }: PixelWindowOptions) {
    this.#redis = redis;
    this.#leases = `${prefix}:window:leases`;
    this.#sizes = `${prefix}:window:bytes`;
    this.#limit = limit;
    this.#leaseMs = leaseMs;
  }

  /** Whether there is no window at all, as somebody chose. */
  get closed(): boolean {
    return this.#limit === 0;
  }

  /** Asks once. `too-large` means that it would never fit: the shard goes on without pixels in Redis. */
  async reserve(precision: Precision, run: string, shard: number, bytes: number): Promise<Reservation> {
    const share = Math.floor(this.#limit / OWN_SHARE);
    if (bytes > this.#limit - (PRECISIONS - 1) * share) return 'too-large';
    const until = Number(
      await this.#redis.eval(
        RESERVE,
        2,
        this.#leases,
        this.#sizes,
        member(precision, run, shard),
        bytes,
        this.#limit,
        this.#leaseMs,
        share,
        PRECISIONS,
      ),
    );
    return until === 0 ? 'full' : { until };
  }

  /** Waits for room. Rejects with the signal's reason when it aborts. */
  async waitForRoom(
    precision: Precision,
    run: string,
    shard: number,
    bytes: number,
    signal: AbortSignal,
  ): Promise<{ readonly until: number } | 'too-large'> {
    for (;;) {
      signal.throwIfAborted();
      const reservation = await this.reserve(precision, run, shard, bytes);
      if (reservation !== 'full') return reservation;
      // Jitter keeps a crowd of waiting services from asking in step.
      await sleep(100 + Math.random() * 150, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }

  /** Gives the room back; delete the pixels first. Giving back what is not held does nothing. */
  async release(precision: Precision, run: string, shard: number): Promise<void> {
    await this.#redis.eval(RELEASE, 2, this.#leases, this.#sizes, member(precision, run, shard));
  }

  /** Bytes reserved now, lost leases included until somebody asks for room. */
  async reserved(): Promise<number> {
    return (await this.#redis.hvals(this.#sizes)).reduce((sum, bytes) => sum + Number(bytes), 0);
  }
}

const member = (precision: Precision, run: string, shard: number) => `${precision}/${jobIds.shard(run, shard)}`;
