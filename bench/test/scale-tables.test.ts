import type { ScaleFigures } from '../src/scale-point';
import { efficiencies, plansTable, tableMarkdown, workersTable } from '../src/scale-tables';
import { type Busy, busyBetween, limitOf, type UsageSample } from '../src/scale-usage';
import { shared } from '../src/scale-workers';

const idle: Busy = { redis: 0.1, pixels: 0, objects: 0.2, ingest: 0.1, encoder: 0.3, ingestLoop: 0.1, encoderLoop: 0.1, machine: 0.35 };
const figures = (workers: number, shardsPerSecond: number): ScaleFigures => ({
  workers,
  shardsPerSecond,
  reached: 1,
  inHand: 1,
  busy: idle,
  commands: 200,
  pixelBytesPerSecond: 0,
  ingestRss: 1e8,
  encoderRss: 1e8,
});

describe('what bench:scale prints', () => {
  test('efficiency is against as many times the first row', () => {
    expect(efficiencies([figures(1, 2), figures(2, 4), figures(8, 12)])).toEqual([1, 1, 0.75]);
    expect(efficiencies([figures(4, 8), figures(16, 32)])).toEqual([1, 1]);
    expect(workersTable([figures(1, 2), figures(8, 12)]).body[1]!.slice(0, 4)).toEqual(['8', '12.0', '6,144', '75.0 %']);
  });

  test('the limit is whoever has nothing left to give', () => {
    const limit = (busy: Partial<Busy>, reached = 0.5, inHand = 1) => limitOf({ busy: { ...idle, ...busy }, reached, inHand }, 2);
    expect(limit({}, 0.97)).toBe('the encoders');
    // Whoever else fills the machine.
    expect(limit({ machine: 0.97 }, 0.97)).toBe('the encoders');
    expect(limit({ machine: 0.97, encoder: 1.5 })).toBe("this machine's processors");
    expect(limit({ machine: 0.97, redis: 0.95 })).toBe('Redis');
    expect(limit({ ingestLoop: 0.92 })).toBe("ingest's event loop");
    expect(limit({}, 0.5, 0.5)).toBe('ingest, which waits for answers');
    expect(limit({})).toMatch('what surrounds the encoders');
  });

  test('shares are of the seconds between two samples', () => {
    const usage = (seconds: number) => [{ cpuSeconds: seconds, loopSeconds: seconds / 2, rss: 1 }];
    const sample = (at: number, seconds: number): UsageSample => ({
      at,
      redis: seconds / 10,
      pixels: 0,
      objects: seconds / 5,
      commands: 0,
      ingest: usage(seconds),
      encoder: [...usage(seconds), ...usage(seconds / 2)],
      machine: seconds * 2,
    });
    expect(busyBetween(sample(100, 10), sample(110, 15), 2)).toEqual({
      redis: 0.05,
      pixels: 0,
      objects: 0.1,
      ingest: 0.5,
      encoder: 0.75,
      ingestLoop: 0.25,
      encoderLoop: 0.25,
      machine: 0.5,
    });
  });

  test('verbs have a row each, with seconds for a thousand shards', () => {
    const plan = (shards: number, seconds: number) => ({
      shards,
      steps: [{ step: 'status', seconds, rss: 2e8 }],
      redisBytes: shards * 600,
    });
    const table = plansTable([plan(1_000, 2), plan(5_000, 10)]);
    expect(table.body[0]).toEqual(['status', '2.00', '2.00', '200 MB', '10.0', '2.00', '200 MB']);
    expect(table.body[1]).toEqual(['jobs in Redis', '', '600 B a shard', '1 MB', '', '600 B a shard', '3 MB']);
    expect(tableMarkdown(table, 'Conditions.').split('\n')[1]).toBe('| --- | ---: | ---: | ---: | ---: | ---: | ---: |');
  });

  test('workers are dealt out to processes evenly', () => {
    expect(shared(32, 8)).toEqual([4, 4, 4, 4, 4, 4, 4, 4]);
    expect(shared(5, 2)).toEqual([3, 2]);
    expect(shared(3, 8)).toEqual([1, 1, 1]);
  });
});
