import type { Redis } from 'ioredis';
import { describeRedis, type RedisServer, startRedisServer } from '../../../../infra/test/redis-server';
import { connectRedis } from '../../src/queue/connection';
import { decodePixelBlock, encodePixelBlock, toPixelBlocks } from '../../src/queue/pixel-block';
import { Pixels } from '../../src/queue/pixels';
import type { PlanRow } from '../../src/schema/plan';
import type { PreparedRow } from '../../src/source/prepare-rows';
import { testSettings } from './settings';

const PLAN = 'a'.repeat(64);
const block = {
  imageIds: ['1', 'ü 2'],
  rejected: [{ imageId: '3', code: 'TRUNCATED' as const, reason: 'ends early' }],
  pixels: Buffer.from(Array.from({ length: 5_000 }, (_, i) => (i * 7) % 256)),
};

describe('a pixel block', () => {
  test('comes back as it was', () => {
    expect(decodePixelBlock(PLAN, encodePixelBlock(PLAN, block))).toEqual(block);
  });

  test('of another plan is not taken', () => {
    expect(decodePixelBlock('b'.repeat(64), encodePixelBlock(PLAN, block))).toBeUndefined();
  });

  test('with any byte changed, or cut anywhere, is not taken', () => {
    const bytes = encodePixelBlock(PLAN, block);
    for (let at = 0; at < bytes.length; at += 13) {
      const flipped = Buffer.from(bytes);
      flipped[at]! ^= 0x41;
      const decoded = decodePixelBlock(PLAN, flipped);
      // A flipped letter of the rejection's reason is the only thing that the pixels' hash does not cover.
      if (decoded !== undefined) expect(decoded.pixels).toEqual(block.pixels);
      expect(decodePixelBlock(PLAN, bytes.subarray(0, at))).toBeUndefined();
    }
  });

  test('holds so many rows, rejected ones counted, in order', async () => {
    const rows = Array.from({ length: 7 }, (_, i) => ({ imageId: String(i) }) as PlanRow);
    async function* prepared(): AsyncGenerator<PreparedRow> {
      for (const [i, row] of rows.entries())
        yield i % 3 === 1 ? { row, rejection: { imageId: row.imageId, code: 'TOO_LARGE', reason: 'x' } } : { row, pixels: Buffer.of(i, i) };
    }
    const blocks = [];
    for await (const made of toPixelBlocks(prepared(), 3)) blocks.push(made);
    expect(blocks.map(({ imageIds }) => imageIds)).toEqual([['0', '2'], ['3', '5'], ['6']]);
    expect(blocks.map(({ rejected }) => rejected.map(({ imageId }) => imageId))).toEqual([['1'], ['4'], []]);
    expect(blocks[1]!.pixels).toEqual(Buffer.of(3, 3, 5, 5));
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
    await pixels.put(shard, 0, block, until);
    await pixels.put(shard, 1, { ...block, imageIds: ['9'] }, until);
    expect(await pixels.get(shard, 0)).toEqual(block);
    expect((await pixels.get(shard, 1))!.imageIds).toEqual(['9']);
    expect(await pixels.get({ ...shard, shard: 4 }, 0)).toBeUndefined();
    expect(await pixels.get({ ...shard, planSha256: 'b'.repeat(64) }, 0)).toBeUndefined();
    for (const key of await redis.keys('*')) expect(await redis.pexpiretime(key)).toBe(until);
    await pixels.delete(shard, 2);
    expect(await redis.dbsize()).toBe(0);
  });
});
