import { describeS3 } from '../../packages/shared/test/describe-s3';
import { damageInTurn, type MendedShard } from './damage-in-turn';
import { pipelineRig } from './pipeline-rig';
import { describeRedis, startRedisServer } from './redis-server';
import { startS3 } from './s3-server';
import { SHARD_DAMAGES } from './shard-damages';

describeRedis('each damage to each shard of a run', () => {
  test('in the file store', () => prove('file store', {}), 300_000);

  describeS3('on a server', () => {
    test('in S3', async () => {
      const s3 = (await startS3())!;
      process.env['AWS_ACCESS_KEY_ID'] = s3.credentials.accessKeyId;
      process.env['AWS_SECRET_ACCESS_KEY'] = s3.credentials.secretAccessKey;
      try {
        await prove('S3', { store: `s3://${s3.bucket}/repair`, s3Endpoint: s3.endpoint });
      } finally {
        await s3.stop();
      }
    }, 300_000);
  });
});

async function prove(name: string, flags: Parameters<typeof pipelineRig>[1]): Promise<void> {
  const server = await startRedisServer();
  const rig = await pipelineRig(server.url, flags);
  try {
    process.stdout.write(table(name, await damageInTurn(rig)));
  } finally {
    await rig.close();
    await server.stop();
  }
}

/** A line for each damage: to which shards it was done, what `verify` said of it, and in which manifests it stands as mended. */
function table(name: string, mended: readonly MendedShard[]): string {
  const lines = SHARD_DAMAGES.map((damage) => {
    const own = mended.filter((each) => each.damage === damage).sort((a, b) => a.shard - b.shard);
    const told = own.map(({ shard, manifest }) => `${shard} in ${manifest}`).join(', ');
    return `  ${damage.name.padEnd(32)} ${damage.found.join(', ').padEnd(20)} ${told}\n`;
  });
  const head = `  ${'DAMAGE'.padEnd(32)} ${'NAMED AS'.padEnd(20)} SHARD, MENDED IN MANIFEST\n`;
  return `\n${name}: ${mended.length} damaged shards, all named, encoded again with the same bytes, and told of\n${head}${lines.join('')}`;
}
