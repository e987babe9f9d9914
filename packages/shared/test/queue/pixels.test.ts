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

describe('a pixel block', () => {
  test('comes back as it was', () => {
    expect(decodePixelBlock(PLAN, encodePixelBlock(PLAN, rows))).toEqual(block);
    expect(toPixelBlock(rows)).toEqual(block);
  });

  test('of another plan is not taken', () => {
    expect(decodePixelBlock('b'.repeat(64), encodePixelBlock(PLAN, rows))).toBeUndefined();
  });

  test('with any byte changed, or cut anywhere, is not taken', () => {
    const whole = encodePixelBlock(PLAN, rows);
    for (let at = 0; at < whole.length; at += 13) {
      const flipped = Buffer.from(whole);
      flipped[at]! ^= 0x41;
      const decoded = decodePixelBlock(PLAN, flipped);
      // A flipped letter of the rejection's reason is the only thing that the pixels' checksum does not cover.
      if (decoded !== undefined) expect(decoded.pixels).toEqual(block.pixels);
      expect(decodePixelBlock(PLAN, whole.subarray(0, at))).toBeUndefined();
    }
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
    await pixels.put(shard, 0, rows, until);
    await pixels.put(shard, 1, rows.slice(2), until);
    expect(await pixels.get(shard, 0)).toEqual(block);
    expect((await pixels.get(shard, 1))!.imageIds).toEqual(['ü 2']);
    expect(await pixels.get({ ...shard, shard: 4 }, 0)).toBeUndefined();
    expect(await pixels.get({ ...shard, planSha256: 'b'.repeat(64) }, 0)).toBeUndefined();
    for (const key of await redis.keys('*')) expect(await redis.pexpiretime(key)).toBe(until);
    await pixels.delete(shard, 2);
    expect(await redis.dbsize()).toBe(0);
  });
});
