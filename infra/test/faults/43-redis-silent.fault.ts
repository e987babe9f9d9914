import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { latestManifestNumber } from '@showtell/shared/manifests';
import { listCommitted } from '@showtell/shared/planned-run';
import { until } from '../../../packages/shared/test/queue/until';
import { checkInvariants } from '../invariants';
import { describeFault } from './fault';

describeFault(43, 'the way to Redis is lost without a word', {}, (place) => {
  let way: Awaited<ReturnType<typeof openWay>>;
  beforeEach(async () => {
    way = await openWay(place.redis.port);
  });
  afterEach(() => way.close());

  test('workers give silent connections up for new ones, and the run goes on', async () => {
    const url = new URL(place.redis.url);
    url.port = String(way.port);
    const rig = await place.rig({ redis: url.href.replace(/\/$/, '') });
    const { run, shards } = await rig.enqueue({ shardRows: 4, microBatch: 2 });
    const workers = [rig.ingest(), rig.encoder()];
    await until(async () => (await listCommitted(rig.store, run)).size >= 1, 30_000);
    way.silence();
    expect((await listCommitted(rig.store, run)).size).toBeLessThan(shards.planned);
    // TCP alone would notice in a quarter of an hour.
    await until(async () => (await latestManifestNumber(rig.store, run)) > 0, 90_000);
    await Promise.all(workers.map((worker) => worker.stop()));
    expect((await checkInvariants(rig.store, run)).manifests).toBe(1);
    expect(rig.log.filter(({ msg }) => msg === 'shard committed')).toHaveLength(shards.planned);
    expect(rig.log.map(({ msg }) => msg)).toContain('Redis connection lost; waiting for it');
  }, 150_000);
});

/** A way to a server. `silence`: connections that are open pass on nothing any more and stay open; those that come later are sound. */
async function openWay(target: number) {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1');
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.on('error', () => {}).on('close', () => sockets.delete(from));
      from.pipe(to);
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    silence() {
      for (const socket of sockets) socket.unpipe().pause();
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
