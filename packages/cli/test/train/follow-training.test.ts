import type { Queues } from '@showtell/shared/queue/queues';
import { writeDone } from '@showtell/trainer/train/done';
import { describeRedis, type RedisServer, startRedisServer } from '../../../../infra/test/redis-server';
import { testSettings } from '../../../shared/test/queue/settings';
import { openFileStore, temporaryFolder } from '../../../trainer/test/temporary-store';
import { followTraining } from '../../src/train/follow-training';

describeRedis('a training whose job has failed', () => {
  const folder = temporaryFolder();
  const store = openFileStore(folder.path);
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedisServer();
  });
  afterAll(async () => {
    await redis.stop();
    await store.close();
    folder.remove();
  });

  const follow = (training: string, failedReason: string) => {
    const queues = { train: { getJob: async () => ({ failedReason, getState: async () => 'failed' }) } } as unknown as Queues;
    const { signal } = new AbortController();
    return followTraining({ store, settings: testSettings(redis.url), queues, training, signal, onEvent: () => {} });
  };

  it('and that has diverged is told as where it was trained, with what to do', async () => {
    await writeDone(store, 'wild', { outcome: 'diverged', step: 3, epoch: 0, reason: 'at step 4 the loss is NaN' });
    await expect(follow('wild', 'DIVERGED: Training wild has diverged: at step 4 the loss is NaN')).rejects.toMatchObject({
      code: 'DIVERGED',
      message: 'Training wild has diverged: at step 4 the loss is NaN',
      hint: expect.stringContaining('lower learning rate'),
    });
  });

  it('otherwise says why it failed, by its code', async () => {
    await expect(follow('torn', 'CORRUPT_SHARD: Shard 3 is not the one that was committed')).rejects.toMatchObject({
      code: 'CORRUPT_SHARD',
      message: 'The training torn failed: Shard 3 is not the one that was committed',
    });
  });
});
