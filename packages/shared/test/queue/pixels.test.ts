import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { describeRedis, type RedisServer, startRedisServer } from '../../../../infra/test/redis-server';
import { connectRedis } from '../../src/queue/connection';
import { decodePixelBlock, encodePixelBlock, inMicroBatches, toPixelBlock } from '../../src/queue/pixel-block';
import { Pixels } from '../../src/queue/pixels';
import type { PlanRow } from '../../src/schema/plan';
import type { PreparedRow } from '../../src/source/prepare-rows';
import { testSettings } from './settings';

const PLAN = 'a'.repeat(64);
const bytes = (seed: number) => Buffer.from(Array.from({ length: 2_500 }, (_, i) => (i * 7 + seed) % 256));
const rows: PreparedRow[] = [
  { row: { imageId: '1' } as PlanRow, pixels: bytes(1) },
  { row: { imageId: '3' } as PlanRow, rejection: { imageId: '3', code: 'TRUNCATED', reason: 'ends early' } },
  { row: { imageId: 'ü 2' } as PlanRow, pixels: bytes(2), animated: { imageId: 'ü 2', frames: 7 } },
];
const block = {
  imageIds: ['1', 'ü 2'],
  rejected: [{ imageId: '3', code: 'TRUNCATED' as const, reason: 'ends early' }],
  animated: [{ imageId: 'ü 2', frames: 7 }],
  pixels: Buffer.concat([bytes(1), bytes(2)]),
};

const KEY = randomBytes(32);
const PLACE = { run: 'run', planSha256: PLAN, microBatch: 0 };

describe('a pixel block', () => {
  test('comes back as it was', () => {
    expect(decodePixelBlock(KEY, PLACE, encodePixelBlock(KEY, PLACE, rows))).toEqual(block);
    expect(toPixelBlock(rows)).toEqual(block);
  });

  test.each([{ run: 'other' }, { planSha256: 'b'.repeat(64) }, { microBatch: 1 }])('of another place is not taken: %j', (other) => {
    expect(decodePixelBlock(KEY, { ...PLACE, ...other }, encodePixelBlock(KEY, PLACE, rows))).toBeUndefined();
  });

  test('of somebody who has not the key is not taken', () => {
    expect(decodePixelBlock(KEY, PLACE, encodePixelBlock(randomBytes(32), PLACE, rows))).toBeUndefined();
  });

  test('with any byte changed, or cut anywhere, or longer, is not taken', () => {
    const whole = encodePixelBlock(KEY, PLACE, rows);
    for (let at = 0; at < whole.length; at += at < 512 ? 1 : 13) {
      const flipped = Buffer.from(whole);
      flipped[at]! ^= 0x41;
      expect(decodePixelBlock(KEY, PLACE, flipped)).toBeUndefined();
      expect(decodePixelBlock(KEY, PLACE, whole.subarray(0, at))).toBeUndefined();
    }
    expect(decodePixelBlock(KEY, PLACE, Buffer.concat([whole, Buffer.alloc(1)]))).toBeUndefined();
  });

  test('holds so many rows, rejected ones counted, in order', async () => {
    async function* prepared(): AsyncGenerator<PreparedRow> {
      yield* [...rows, ...rows, rows[0]!];
    }
    const batches = [];
    for await (const batch of inMicroBatches(prepared(), 3)) batches.push(batch);
    expect(batches).toEqual([rows, rows, [rows[0]]]);
  });
});

describeRedis('pixels in Redis', () => {
  let server: RedisServer;
  let redis: Redis;
  let pixels: Pixels;
  const shard = { run: 'run', shard: 3, planSha256: PLAN };
  const keyOf = async () => KEY;
  beforeAll(async () => {
    server = await startRedisServer();
    redis = connectRedis(testSettings(server.url));
    pixels = new Pixels(redis, '{test}');
  });
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  test('are found by shard and micro-batch, expire with the lease and can be deleted', async () => {
    const until = Date.now() + 60_000;
    await pixels.put(KEY, shard, 0, rows, until);
    await pixels.put(KEY, shard, 1, rows.slice(2), until);
    expect(await pixels.get(keyOf, shard, 0)).toEqual(block);
    expect(await pixels.get(keyOf, shard, 1)).toMatchObject({ imageIds: ['ü 2'] });
    expect(await pixels.get(keyOf, { ...shard, shard: 4 }, 0)).toBeUndefined();
    expect(await pixels.get(keyOf, { ...shard, planSha256: 'b'.repeat(64) }, 0)).toBe('refused');
    // Whose key is gone has made no pixels.
    expect(await pixels.get(async () => undefined, shard, 0)).toBe('refused');
    for (const key of await redis.keys('*')) expect(await redis.pexpiretime(key)).toBe(until);
    await pixels.delete(shard, 2);
    expect(await redis.dbsize()).toBe(0);
  });
});
