import { mkdir, mkdtemp, readFile, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDataset } from '@showtell/ingest/source/open';
import { openStore } from '@showtell/shared/object-store/open';
import { zipCoco } from '../../bench/src/coco-zips';
import { writeCocoFixture } from '../../packages/ingest/test/coco-fixture';
import { describeData } from '../../packages/shared/test/conformance';
import { describeS3 } from '../../packages/shared/test/describe-s3';
import { checkInvariants } from './invariants';
import { ERROR_LEVEL, type PipelineRig, pipelineRig } from './pipeline-rig';
import { describeRedis, type RedisServer, startRedisServer } from './redis-server';
import { startS3 } from './s3-server';

describeRedis("COCO's own zips", () => {
  let server: RedisServer;
  let rig: PipelineRig;
  let folder: string;
  beforeAll(async () => {
    server = await startRedisServer();
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'showtell-zips-'));
    // Nobody is killed here: a lock that is as short as where somebody is would be lost by a machine that has much to do.
    rig = await pipelineRig(server.url, { lockSeconds: 30 });
  });
  afterEach(async () => {
    await rig.close();
    await rm(folder, { recursive: true, force: true });
  });

  describeS3('in S3, unopened', () => {
    describeData('of real photos', ['coco-mini'], (photos) => {
      const environment = { ...process.env };
      afterEach(() => {
        process.env = environment;
      });

      test('become the same shards, to the last bit, as the folder', async () => {
        const s3 = (await startS3())!;
        process.env['AWS_ACCESS_KEY_ID'] = s3.credentials.accessKeyId;
        process.env['AWS_SECRET_ACCESS_KEY'] = s3.credentials.secretAccessKey;
        const url = `s3://${s3.bucket}/coco`;
        const bucket = openStore(url, { endpoint: s3.endpoint });
        try {
          for (const key of await zipCoco(photos, folder, { layout: 'bucket' })) await bucket.put(key, await readFile(join(folder, key)));
          const zips = await rig.enqueue({ source: await openDataset(url, { endpoint: s3.endpoint }), splits: [], shardRows: 64 });
          const unpacked = await rig.enqueue({ dataset: photos, shardRows: 64 });
          await rig.drain();
          const [ofZips, ofFolder] = [await checkInvariants(rig.store, zips.run), await checkInvariants(rig.store, unpacked.run)];
          expect(ofZips.shardSha256s).toEqual(ofFolder.shardSha256s);
          expect(ofZips.shardSha256s).toHaveLength(5);
          expect(ofZips.features.size).toBe(239);
          expect(rig.log.filter(({ level }) => level >= ERROR_LEVEL)).toEqual([]);
        } finally {
          await bucket.close();
          await s3.stop();
        }
      });
    });
  });

  test('with one damaged photo lose that one alone', async () => {
    const fixture = await writeCocoFixture(join(folder, 'coco'), [{ name: 'val2017', photos: 9 }]);
    const zips = join(folder, 'zips');
    const damaged = { crc32: 1 };
    await zipCoco(fixture.folder, zips, {
      edit: (_, members) =>
        members.map((member) => (member.name === 'val2017/000000001003.jpg' ? { ...member, says: damaged, localSays: damaged } : member)),
    });
    const { run } = await rig.enqueue({ dataset: zips });
    await rig.drain();
    const { features, rejected } = await checkInvariants(rig.store, run);
    expect([...rejected]).toEqual([['1003', 'CORRUPT_ZIP']]);
    expect(features.size).toBe(8);
  });

  describe('that are damaged leave nothing behind', () => {
    const inStore = async () => {
      const found: string[] = [];
      for await (const { key } of rig.store.list('')) found.push(key);
      return found;
    };

    test('cut short', async () => {
      const fixture = await writeCocoFixture(join(folder, 'coco'), [{ name: 'val2017', photos: 2 }]);
      const zips = join(folder, 'zips');
      await mkdir(zips);
      for (const key of await zipCoco(fixture.folder, zips)) {
        await truncate(join(zips, key), 700);
        await expect(rig.enqueue({ dataset: zips })).rejects.toMatchObject({ code: 'CORRUPT_ZIP' });
        await zipCoco(fixture.folder, zips);
      }
      expect(await inStore()).toEqual([]);
    });
  });
});
