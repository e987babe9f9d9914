import { latestManifestNumber } from '@showtell/shared/manifests';
import { listCommitted } from '@showtell/shared/planned-run';
import { connectRedis } from '@showtell/shared/queue/connection';
import { openQueues } from '@showtell/shared/queue/open-queues';
import { Shutdown } from '@showtell/shared/shutdown';
import pino from 'pino';
import { until } from '../../../packages/shared/test/queue/until';
import { checkInvariants } from '../invariants';
import { type RedisServer, startRedisServer } from '../redis-server';
import { describeFault } from './fault';

describeFault(44, 'the pixels in Redis are lost', {}, (place) => {
  let pixelServer: RedisServer;
  beforeAll(async () => {
    pixelServer = await startRedisServer();
  });
  afterAll(() => pixelServer.stop());
  let shutdown: Shutdown;
  beforeEach(() => {
    shutdown = new Shutdown();
  });
  afterEach(() => shutdown.run());

  test('a pixel server that is wiped, then dies and comes back: the features are the same', async () => {
    const undisturbed = await place.rig();
    const expected = await undisturbed.enqueue();
    await undisturbed.drain();

    const rig = await place.rig({ pixelRedis: pixelServer.url });
    const { run } = await rig.enqueue();
    const { queues } = await openQueues(rig.settings, pino({ level: 'silent' }), shutdown, true);
    const pixels = connectRedis(rig.settings, 'pixels');
    const workers = [rig.ingest()];
    await until(async () => (await queues.encode('float32').count()) === 5, 30_000);
    expect((await pixels.keys('*:pixels:*')).length).toBeGreaterThan(0);
    await pixels.flushall();
    pixels.disconnect();
    workers.push(rig.encoder());
    await until(async () => (await listCommitted(rig.store, run)).size >= 1, 30_000);
    await pixelServer.kill();
    await pixelServer.restart();
    await until(async () => (await latestManifestNumber(rig.store, run)) > 0, 60_000);
    await Promise.all(workers.map((worker) => worker.stop()));
    expect((await checkInvariants(rig.store, run)).shardSha256s).toEqual(
      (await checkInvariants(undisturbed.store, expected.run)).shardSha256s,
    );
  }, 90_000);
});
