import type { WriteOptions } from '@showtell/shared/object-store/object-store';
import { openQueues } from '@showtell/shared/queue/open-queues';
import { jobIds } from '@showtell/shared/queue/queues';
import { Shutdown } from '@showtell/shared/shutdown';
import pino from 'pino';
import { until } from '../../../packages/shared/test/queue/until';
import { checkInvariants } from '../invariants';
import { describeFault } from './fault';

const WRITES = { 'the body': 'put', 'the record': 'putIfAbsent' } as const;
type Write = (key: string, body: Uint8Array, options?: WriteOptions) => Promise<unknown>;
const LOSSES = ['deleted', 'stolen'] as const;
/** What a timer and an answer of Redis may take on a busy machine. */
const BUSY_MS = 2_000;

describeFault(4, 'lock deleted or stolen while a job runs', { stores: ['file', 's3'] }, (place) => {
  test.each(LOSSES.flatMap((loss) => (['the body', 'the record'] as const).map((write) => [loss, write] as const)))(
    '%s before %s is written: the signal aborts within one renewal, and that write does not begin',
    async (loss, write) => {
      const rig = await place.rig();
      const { run } = await rig.enqueue({ dataset: 'synthetic:8' });
      const shutdown = new Shutdown();
      const { redis } = await openQueues(rig.settings, pino({ level: 'silent' }), shutdown, true);
      const lock = `{${rig.settings.prefix}}:encode-float32:${jobIds.shard(run, 0)}:lock`;
      const written = async () => {
        const keys: string[] = [];
        for (const part of ['shards', 'commits']) for await (const { key } of rig.store.list(`runs/${run}/${part}/`)) keys.push(key);
        return keys;
      };

      const method = WRITES[write];
      const store: Record<typeof method, Write> = rig.store;
      const original = store[method].bind(store);
      let refused: unknown;
      store[method] = async (...args) => {
        if (refused !== undefined || !/\/(shards|commits)\//.test(args[0])) return original(...args);
        const { signal } = args[2]!;
        await (loss === 'deleted' ? redis.del(lock) : redis.set(lock, 'of another worker', 'PX', 600_000));
        const renewal = (rig.settings.lockSeconds * 1_000) / 2;
        await until(() => signal!.aborted, renewal + BUSY_MS);
        expect(signal!.reason).toBe('LOCK_LOST');
        const before = await written();
        try {
          return await original(...args);
        } catch (error) {
          refused = error;
          expect(await written()).toEqual(before);
          throw error;
        } finally {
          // Another worker that took the lock would give it back.
          if (loss === 'stolen') await redis.del(lock);
        }
      };
      await rig.drain();
      expect(refused).toBe('LOCK_LOST');
      expect(rig.log.map(({ code }) => code)).toContain('LOCK_LOST');
      expect((await checkInvariants(rig.store, run)).manifests).toBe(1);
      await shutdown.run();
    },
    60_000,
  );
});
