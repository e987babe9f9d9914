import { describeS3 } from '../../packages/shared/test/describe-s3';
import { damageInTurn } from './damage-in-turn';
import { type PipelineRig, pipelineRig } from './pipeline-rig';
import { describeRedis, type RedisServer, startRedisServer } from './redis-server';
import { type S3TestServer, startS3 } from './s3-server';

// Two rounds are each damage once. `npm run proof:repair` does each to each shard.
describeRedis('every shard of a run damaged is named, mended, and told of by the manifest', () => {
  let server: RedisServer;
  let rig: PipelineRig;
  beforeAll(async () => {
    server = await startRedisServer();
  });
  afterAll(() => server.stop());
  afterEach(() => rig.close());

  test('in the file store', async () => {
    rig = await pipelineRig(server.url);
    expect(await damageInTurn(rig, 2)).toHaveLength(10);
  }, 60_000);

  describeS3('on a server', () => {
    let s3: S3TestServer;
    beforeAll(async () => {
      s3 = (await startS3())!;
      process.env['AWS_ACCESS_KEY_ID'] = s3.credentials.accessKeyId;
      process.env['AWS_SECRET_ACCESS_KEY'] = s3.credentials.secretAccessKey;
    });
    afterAll(() => s3.stop());

    test('in S3', async () => {
      rig = await pipelineRig(server.url, { store: `s3://${s3.bucket}/repair`, s3Endpoint: s3.endpoint });
      expect(await damageInTurn(rig, 2)).toHaveLength(10);
    }, 60_000);
  });
});
