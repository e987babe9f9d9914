import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { DEFAULT_PRIORITY } from '../schema/control';

/** BullMQ's greatest priority of a job, and the last to be served. Zero would overtake every run, so turns begin at 1. */
export const LAST_TURN = 2_097_151;
/** Turns from one shard to the next of a run of priority 1. The default priority has 2, so that a million shards fit. */
const STRIDE = 2 * DEFAULT_PRIORITY;

/** BullMQ's score of a waiting job: its priority, times this, and a counter. */
const SCORE_OF_A_TURN = 2 ** 32;

/**
 * Gives ARGV[2] turns, ARGV[3] apart, to the run ARGV[1] and returns the first. KEYS: the queue's waiting jobs by priority, its active and
 * its delayed jobs, and the turns: a field for each run's next one, and a field '' for the clock (no run's name is empty).
 *
 * This is start-time fair queueing. The clock stands at the first job that waits and never goes back, also not for one that is tried
 * again; where none waits, all turns that were given have come. In a queue without any job turns begin at 1 again.
 */
const TAKE = `
local waiting, active, delayed, turns = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local run, count, stride, last, score = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local head = redis.call('ZRANGE', waiting, 0, 0, 'WITHSCORES')[2]
if not head and redis.call('LLEN', active) == 0 and redis.call('ZCARD', delayed) == 0 then redis.call('DEL', turns) end
local clock = tonumber(redis.call('HGET', turns, '') or 1)
if head then
  clock = math.max(clock, math.floor(tonumber(head) / score))
else
  for _, turn in ipairs(redis.call('HVALS', turns)) do clock = math.max(clock, tonumber(turn)) end
end
local first = math.max(clock, tonumber(redis.call('HGET', turns, run) or 1))
redis.call('HSET', turns, '', string.format('%.17g', clock), run, string.format('%.17g', math.min(first + count * stride, last)))
return string.format('%.17g', first)`;

/** Where turns are kept: a queue and the connection that it lies behind. */
export interface TurnQueue {
  readonly redis: Redis;
  readonly queue: Pick<Queue, 'toKey'>;
}

const turnsKey = ({ queue }: TurnQueue) => queue.toKey('turns');

/**
 * The next turns of a run in a queue, as priorities of jobs: stride scheduling, in which a run of priority 20 gets two jobs done to every
 * one of a run of 10 while both have some waiting. A run that is new, or has had nothing waiting, begins at what is served now: it has
 * no claim on the past. Behind the last turn all are equal and first come, first served.
 * @param priority of the run, 1 to 100. @returns the priority of each of `count` jobs, in their order.
 */
export async function takeTurns(at: TurnQueue, run: string, priority: number, count: number): Promise<number[]> {
  if (count === 0) return [];
  const stride = STRIDE / priority;
  const keys = [...['prioritized', 'active', 'delayed'].map((type) => at.queue.toKey(type)), turnsKey(at)];
  const first = Number(await at.redis.eval(TAKE, keys.length, ...keys, run, count, stride, LAST_TURN, SCORE_OF_A_TURN));
  return Array.from({ length: count }, (_, index) => Math.min(Math.floor(first + index * stride), LAST_TURN));
}

/** Forgets the turns that a run was given, once its jobs are taken out, laid anew, or done. */
export async function forgetTurns(at: TurnQueue, run: string): Promise<void> {
  await at.redis.hdel(turnsKey(at), run);
}
