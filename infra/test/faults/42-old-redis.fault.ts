import { latestManifestNumber } from '@showtell/shared/manifests';
import { listCommitted } from '@showtell/shared/planned-run';
import { openQueues } from '@showtell/shared/queue/open-queues';
import { LIVE_STATES } from '@showtell/shared/queue/queues';
import { Shutdown } from '@showtell/shared/shutdown';
import type { Redis } from 'ioredis';
import pino from 'pino';
import { until } from '../../../packages/shared/test/queue/until';
import { checkInvariants } from '../invariants';
import { describeFault } from './fault';

type Copy = readonly { readonly key: Buffer; readonly value: Buffer; readonly pttl: number }[];

describeFault(42, 'Redis comes back as it was a while ago', {}, (place) => {
  const CASES: [string, committedThen: number, committedNow: number | 'all'][] = [
    ['before the first shard was committed, in the middle of the run', 0, 2],
    ['in the middle of the run, when it is complete', 1, 'all'],
  ];
  let shutdown: Shutdown;
  beforeEach(() => {
    shutdown = new Shutdown();
  });
  afterEach(() => shutdown.run());

  test.each(CASES)(
    'as it was %s: what is committed is not done again, what is lost is added again',
    async (_when, committedThen, committedNow) => {
      const rig = await place.rig();
      const { run, shards } = await rig.enqueue();
      const { redis, queues, window } = await openQueues(rig.settings, pino({ level: 'silent' }), shutdown, true);
      const committed = async () => (await listCommitted(rig.store, run)).size;
      const complete = async () => (await latestManifestNumber(rig.store, run)) > 0;

      const workers = [rig.ingest()];
      // Pixels wait in Redis: with them nothing waits for ingest any more.
      await until(async () => (await queues.encode('float32').count()) > 0, 30_000);
      workers.push(rig.encoder());
      await until(async () => (await committed()) >= committedThen, 30_000);
      const old = await copy(redis);
      await until(async () => (committedNow === 'all' ? complete() : (await committed()) >= committedNow), 60_000);
      await goBack(redis, old);

      await until(complete, 60_000);
      const jobs = async () => {
        const all = [queues.ingest, queues.encode('float32'), queues.finalize].map((queue) => queue.getJobCountByTypes(...LIVE_STATES));
        return (await Promise.all(all)).reduce((sum, count) => sum + count, 0);
      };
      await until(async () => (await jobs()) === 0, 60_000);
      await Promise.all(workers.map((worker) => worker.stop()));
      expect((await checkInvariants(rig.store, run)).manifests).toBe(1);
      expect(rig.log.filter(({ msg }) => msg === 'shard committed')).toHaveLength(shards.planned);
      expect(await window.reserved()).toBe(0);
      expect(await rig.enqueue()).toMatchObject({ shards: { committed: shards.planned, waiting: 0, failed: 0, added: 0 } });
    },
    120_000,
  );
});

/** All that the server has at one moment, as a copy of its file. */
async function copy(redis: Redis): Promise<Copy> {
  const all = `local all = {}
    for _, key in ipairs(redis.call('KEYS', '*')) do
      table.insert(all, { key, redis.call('DUMP', key), redis.call('PTTL', key) })
    end
    return all`;
  const entries = (await redis.callBuffer('EVAL', all, 0)) as [Buffer, Buffer, number][];
  // 0 would mean that a key stays for ever, as one does of which -1 is told; this one had less than a millisecond left.
  return entries.map(([key, value, pttl]) => ({ key, value, pttl: pttl < 0 ? 0 : Math.max(pttl, 1) }));
}

/** In one transaction: nobody sees a server that has half of it. */
async function goBack(redis: Redis, entries: Copy): Promise<void> {
  const steps = redis.multi().flushall();
  for (const { key, value, pttl } of entries) steps.restore(key, pttl, value);
  for (const [error] of (await steps.exec())!) expect(error).toBeNull();
}
