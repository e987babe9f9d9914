import pino from 'pino';
import { describeRedis, type RedisServer, startRedisServer } from '../../../../infra/test/redis-server';
import { openQueues, type RedisServices } from '../../src/queue/open-queues';
import { jobIds } from '../../src/queue/queues';
import { forgetTurns, LAST_TURN, takeTurns } from '../../src/queue/turns';
import { Shutdown } from '../../src/shutdown';
import { testSettings } from './settings';

describeRedis('turns', () => {
  const logger = pino({ level: 'silent' });
  let server: RedisServer;
  let services: RedisServices;
  let shutdown: Shutdown;
  beforeAll(async () => {
    server = await startRedisServer();
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    shutdown = new Shutdown(logger);
    services = await openQueues(testSettings(server.url), logger, shutdown);
  });
  afterEach(() => shutdown.run());

  const at = () => ({ redis: services.redis, queue: services.queues.ingest });
  const take = (run: string, priority: number, count: number) => takeTurns(at(), run, priority, count);
  const add = async (run: string, priority: number, count: number, from = 0) => {
    const turns = await take(run, priority, count);
    await services.queues.ingest.addBulk(
      turns.map((turn, index) => {
        const shard = from + index;
        return { name: 'ingest', data: { run, shard }, opts: { jobId: jobIds.shard(run, shard), priority: turn } };
      }),
    );
  };
  /** Runs of the next jobs in the order in which a worker gets them. */
  const serve = async (count: number) => {
    const order = (await services.queues.ingest.getPrioritized(0, count - 1)).map(({ data }) => data);
    for (const { run, shard } of order) await services.queues.ingest.remove(jobIds.shard(run, shard));
    return order.map(({ run }) => run);
  };
  const counts = (order: readonly string[]) =>
    Object.fromEntries([...new Set(order)].sort().map((run) => [run, order.filter((name) => name === run).length]));

  test('runs of equal priority take turns', async () => {
    await add('a', 10, 4);
    await add('b', 10, 4);
    expect(await serve(8)).toEqual(['a', 'b', 'a', 'b', 'a', 'b', 'a', 'b']);
  });

  test('a run of 20 gets two to every one of a run of 10, and nobody starves', async () => {
    await add('a', 10, 100);
    await add('b', 20, 100);
    await add('c', 1, 100);
    expect(counts(await serve(62))).toEqual({ a: 20, b: 40, c: 2 });
  });

  test.each([
    [100, 1],
    [100, 99],
    [37, 11],
    [3, 7],
  ])('%i to %i', async (a, b) => {
    await add('a', a, 400);
    await add('b', b, 400);
    const found = counts(await serve(300));
    // Turns are whole numbers, so a run may be a few shards ahead.
    expect(Math.abs(found['a']! - (300 * a) / (a + b))).toBeLessThan(6);
  });

  test('a newcomer begins at what is served now, and so does who has been away', async () => {
    await add('old', 10, 100);
    expect(counts(await serve(50))).toEqual({ old: 50 });
    await add('new', 10, 100);
    expect(counts(await serve(40))).toEqual({ new: 20, old: 20 });
    await add('third', 10, 10);
    await serve(30);
    await serve(20);
    // `third` has had nothing for a while; it shares from now on.
    await add('third', 10, 40, 10);
    expect(counts(await serve(30))).toEqual({ new: 10, old: 10, third: 10 });
  });

  test('what comes job by job shares as well, also when everything of the others waits already', async () => {
    await add('early', 10, 60);
    await serve(10);
    for (let shard = 0; shard < 30; shard++) await add('late', 20, 1, shard);
    expect(counts(await serve(30))).toEqual({ early: 10, late: 20 });
  });

  test('an old job that comes back does not turn the clock back', async () => {
    await add('a', 10, 100);
    await serve(50);
    await add('b', 10, 1);
    await services.queues.ingest.add('ingest', { run: 'a', shard: 0 }, { jobId: jobIds.shard('a', 0), priority: 1 });
    expect((await take('c', 10, 1))[0]).toBeGreaterThan(90);
  });

  test('begins at 1 again in a queue without any job', async () => {
    await add('a', 10, 10);
    await serve(10);
    expect(await take('b', 10, 1)).toEqual([1]);
  });

  test('forgets turns that never came', async () => {
    await add('a', 10, 20);
    await add('b', 10, 20);
    for (let shard = 0; shard < 20; shard++) await services.queues.ingest.remove(jobIds.shard('a', shard));
    await forgetTurns(at(), 'a');
    await add('a', 10, 20);
    expect(counts(await serve(20))).toEqual({ a: 10, b: 10 });
  });

  test('two who enqueue at once: the second does not wait for what the first has not added yet', async () => {
    const first = await take('a', 10, 500);
    const second = await take('b', 10, 500);
    expect([first[0], second[0]]).toEqual([1, 1]);
  });

  test('at the upper bound order within a run stays', async () => {
    await add('huge', 1, 2);
    await services.redis.hset(services.queues.ingest.toKey('turns'), 'huge', LAST_TURN - 30);
    await add('huge', 1, 6, 2);
    const jobs = await services.queues.ingest.getPrioritized(0, -1);
    expect(jobs.map(({ data }) => data.shard)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(Math.max(...jobs.map(({ priority }) => priority))).toBe(LAST_TURN);
    await add('huge', 1, 2, 8);
    expect((await services.queues.ingest.getPrioritized(0, -1)).map(({ data }) => data.shard).slice(-2)).toEqual([8, 9]);
  });
});
