import { PIXEL_BYTES, SIDE } from '@showtell/shared/image/limits';
import { Pixels } from '@showtell/shared/queue/pixels';
import type { PreparedRow } from '@showtell/shared/source/prepare-rows';
import type { BenchServers } from './scale-dataset';
import { measurePoint, type ScaleFigures } from './scale-point';
import type { BenchRedis } from './scale-servers';
import { redisUsage } from './scale-usage';

const MICRO_BATCH = 32;
/** Blocks under way at once. */
const AT_ONCE = 4;

export interface PixelFigures {
  readonly setup: string;
  /** One process puts blocks, takes them and deletes them, as fast as it goes: bytes/s, and Redis' share of a processor. */
  readonly bareBytesPerSecond: number;
  readonly bareBusy: number;
  /** Through real workers. */
  readonly pipeline: ScaleFigures;
  /** Photos a second of the pipeline. */
  readonly images: number;
}

export interface PixelSetup {
  readonly setup: string;
  readonly servers: BenchServers;
  /** 0: no pixels go through Redis. */
  readonly pixelWindow: number;
}

/** Photos of a shard, and what it takes to encode it: little, so that pixels are what it takes. */
const ROWS = 64;
const SECONDS_PER_SHARD = 0.02;
const WORKERS = 4;

export async function measurePixels({ setup, servers, pixelWindow }: PixelSetup, shards: number, folder: string): Promise<PixelFigures> {
  const bare = pixelWindow === 0 ? { rate: 0, busy: 0 } : await bareRate(servers.pixels ?? servers.redis);
  const shape = { shards, rows: ROWS, microBatch: MICRO_BATCH, side: SIDE, dimension: 2_048 };
  const pipeline = await measurePoint(
    { workers: WORKERS, secondsPerShard: SECONDS_PER_SHARD, device: 'cuda:0', shape, pixelWindow, ingest: 2, concurrency: 2, processes: 1 },
    servers,
    folder,
  );
  return { setup, bareBytesPerSecond: bare.rate, bareBusy: bare.busy, pipeline, images: pipeline.shardsPerSecond * ROWS };
}

/** Pixels alone, by the code that ingest and encoders move them with. */
async function bareRate({ redis }: BenchRedis, blocks = 120): Promise<{ rate: number; busy: number }> {
  const pixels = new Pixels(redis, '{bench-bare}');
  const key = Buffer.alloc(32, 7);
  const row = { row: { imageId: '1' }, pixels: Buffer.alloc(PIXEL_BYTES, 7) } as unknown as PreparedRow;
  const rows = Array.from({ length: MICRO_BATCH }, () => row);
  const shard = (number: number) => ({ run: 'bare', shard: number, planSha256: 'none' });
  const move = async (number: number) => {
    await pixels.put(key, shard(number), 0, rows, Date.now() + 60_000);
    if (typeof (await pixels.get(async () => key, shard(number), 0)) !== 'object')
      throw new Error('The pixels that were put are not there');
    await pixels.delete(shard(number), 1);
  };
  await move(0);
  const before = await redisUsage(redis);
  const start = performance.now();
  for (let block = 0; block < blocks; block += AT_ONCE)
    await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => move(block + index)));
  const seconds = (performance.now() - start) / 1_000;
  return { rate: (blocks * MICRO_BATCH * PIXEL_BYTES) / seconds, busy: ((await redisUsage(redis)).seconds - before.seconds) / seconds };
}
