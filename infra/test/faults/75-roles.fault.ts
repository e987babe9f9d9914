import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutBucketPolicyCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { keys } from '@showtell/shared/keys';
import { Redis } from 'ioredis';
import { narrowWeights } from '../../../packages/encoder-worker/test/narrow-weights';
import { until } from '../../../packages/shared/test/queue/until';
import { type Role, type RoleServers, rolesNeed, startRoleServers } from '../roles';

const missing = rolesNeed();
const NAME = 'fault 75 [s3] one user of Redis and one key of S3 for each role';

(missing ? describe.skip : describe)(missing ? `${NAME} (${missing})` : NAME, () => {
  let servers: RoleServers;
  beforeAll(async () => {
    servers = await startRoleServers();
    writeFileSync(join(servers.folder, 'narrow.safetensors'), narrowWeights(1).safetensors);
  }, 60_000);
  afterAll(() => servers?.stop());

  /** Runs a command to its end. */
  const run = async (role: Role, args: string[], others?: Parameters<RoleServers['showtell']>[2]) => {
    const command = servers.showtell(role, args, others);
    const code = await command.exit;
    const said = command.said();
    for (const secret of servers.secrets) expect(said).not.toContain(secret);
    return { code, said };
  };
  const done = async (role: Role, ...args: string[]) => {
    const { code, said } = await run(role, args);
    if (code !== 0)
      throw new Error(`${role}: showtell ${args.join(' ')} ended with ${code}:\n${said}\n${(await servers.refusedByRedis()).join('\n')}`);
    return said;
  };
  const isThere = async (key: string) => {
    const Key = `${servers.prefix}/${key}`;
    return servers
      .s3('root')
      .send(new HeadObjectCommand({ Bucket: servers.bucket, Key }))
      .then(
        () => true,
        () => false,
      );
  };

  test('is enough for a pipeline, trainings and every verb; nothing is asked for that is refused', async () => {
    const plan = ['--weights', 'narrow.safetensors', '--shard-rows', '8'];
    await done('admin', 'enqueue', 'synthetic:48', '--run', 'one', ...plan);
    for (const verb of ['pause', 'resume', 'cancel', 'resume']) await done('admin', verb, 'one');
    await done('admin', 'priority', 'one', '30');
    const services = [
      servers.showtell('ingest', ['worker', 'ingest']),
      servers.showtell('encoder', ['worker', 'encoder', '--device', 'cpu', '--threads', '1']),
      servers.showtell('trainer', ['worker', 'trainer', '--device', 'cpu', '--threads', '1']),
    ];
    await done('admin', 'enqueue', 'synthetic:48', '--run', 'one', ...plan, '--wait');
    await done('admin', 'train', 'one', '--name', 'given', '--epochs', '1');
    // Frozen by the trainer itself, at the finalizer's word.
    await done('admin', 'enqueue', 'synthetic:16', '--run', 'two', ...plan, '--train', 'seed');
    await until(() => isThere(keys.alias('two-seed', 'latest')), 60_000);
    await Promise.all(['verify one', 'retry one', 'gc --delete'].map((verb) => done('admin', ...verb.split(' '))));
    const looks = [
      'status',
      'status two',
      'checkpoints given',
      'curves given --out curves.html',
      'pull given --out pulled',
      'export two --out two.arrow',
    ];
    await Promise.all(looks.map((verb) => done('reader', ...verb.split(' '))));
    await done('admin', 'rm', '--training', 'given', '--yes');
    await done('admin', 'rm', 'one', '--yes');
    for (const { child, exit, said } of services) {
      child.kill('SIGTERM');
      expect(await exit).toBe(0);
      expect(said()).not.toMatch(/NOPERM|DENIED|BUG/);
      for (const secret of servers.secrets) expect(said()).not.toContain(secret);
    }
    expect(await servers.refusedByRedis()).toEqual([]);
    expect(servers.refusedByS3()).toEqual([]);
  }, 240_000);

  const tooMuch: [Role, string, string[]][] = [
    ...(['admin', 'ingest', 'encoder', 'trainer', 'reader'] as const).flatMap((role): [Role, string, string[]][] => [
      [role, 'empty the server', ['FLUSHALL']],
      [role, 'change its settings', ['CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru']],
      [role, 'end it', ['SHUTDOWN', 'NOSAVE']],
      [role, 'give itself more', ['ACL', 'SETUSER', role, '+@all', '~*']],
      [role, 'list all keys', ['KEYS', '*']],
      [role, 'listen to all others', ['MONITOR']],
      [role, 'read what belongs to others', ['GET', 'other-application']],
      [role, 'write into another installation', ['SET', '{other}:ingest:x', '1']],
      [role, 'do so from a script', ['EVAL', "return redis.call('SET', '{other}:ingest:x', 1)", '0']],
      [role, 'run what is left behind as a function', ['FUNCTION', 'LOAD', '#!lua name=x']],
    ]),
    ['ingest', 'read pixels', ['GET', '{showtell}:pixels:one.00000.0']],
    ['ingest', 'tell workers to look', ['XADD', '{showtell}:control:events', '*', 'event', 'changed']],
    ['encoder', 'add ingest jobs', ['HSET', '{showtell}:ingest:one.00000', 'data', '{}']],
    ['encoder', 'add them from a script', ['EVAL', "return redis.call('LPUSH', KEYS[1] .. 'wait', 'x')", '1', '{showtell}:ingest:']],
    ['encoder', 'delete ingest jobs', ['DEL', '{showtell}:ingest:one.00000']],
    ['encoder', 'write pixels', ['SET', '{showtell}:pixels:one.00000.0', 'x']],
    ['encoder', 'take room in the window', ['HSET', '{showtell}:window:bytes', 'x', '1']],
    ['encoder', 'finalize', ['ZADD', '{showtell}:finalize:delayed', '0', 'x']],
    ['encoder', 'train', ['LPUSH', '{showtell}:train:wait', 'x']],
    ['encoder', "hold a run's lock", ['SET', '{showtell}:lock:one', 'x', 'NX']],
    ['trainer', 'add encode jobs', ['LPUSH', '{showtell}:encode-float32:wait', 'x']],
    ['trainer', 'read pixels', ['GET', '{showtell}:pixels:one.00000.0']],
    ['reader', 'add jobs', ['LPUSH', '{showtell}:ingest:wait', 'x']],
    ['reader', 'add jobs from a script', ['EVAL', "return redis.call('LPUSH', KEYS[1], 'x')", '1', '{showtell}:ingest:wait']],
    ['reader', 'delete', ['DEL', '{showtell}:ingest:one.00000']],
  ];
  test.each(tooMuch)('Redis does not let %s %s', async (role, _what, [command, ...args]) => {
    await expect(servers.redis(role).call(command!, ...args)).rejects.toThrow(/NOPERM|ERR The user executing the script can't/);
  });

  test('Redis lets nobody in without a name', async () => {
    const { host, port } = servers.redis('reader').options;
    const stranger = new Redis({ host: host!, port: port!, lazyConnect: true, retryStrategy: () => null });
    stranger.on('error', () => {});
    await expect(stranger.ping()).rejects.toThrow('NOAUTH');
    stranger.disconnect();
  });

  // Redis reads its log as the user `default`: what that one may not do, a server that starts again has forgotten.
  test('jobs outlive the server: it reads its append-only file though nobody gets in without a name', async () => {
    await done('admin', 'enqueue', 'synthetic:16', '--run', 'kept', '--weights', 'narrow.safetensors', '--shard-rows', '8');
    const jobs = () => servers.redis('admin').zrange('{showtell}:ingest:prioritized', '0', '-1');
    const before = await jobs();
    expect(before).toContain('kept.00000');
    await servers.restartRedis();
    expect(await jobs()).toEqual(before);
    await done('admin', 'rm', 'kept', '--yes');
  }, 60_000);

  const at = (key: string) => ({ Bucket: servers.bucket, Key: `${servers.prefix}/${key}` });
  const put = (key: string) => (s3: S3Client) => s3.send(new PutObjectCommand({ ...at(key), Body: 'x' }));
  const get = (key: string) => (s3: S3Client) => s3.send(new GetObjectCommand(at(key)));
  const remove = (key: string) => (s3: S3Client) => s3.send(new DeleteObjectCommand(at(key)));
  const list = (prefix: string) => (s3: S3Client) =>
    s3.send(new ListObjectsV2Command({ Bucket: servers.bucket, Prefix: `${servers.prefix}/${prefix}` }));
  const forbidden: [Role, string, (s3: S3Client) => Promise<unknown>][] = [
    ...(['ingest', 'encoder', 'trainer', 'reader'] as const).flatMap((role): [Role, string, (s3: S3Client) => Promise<unknown>][] => [
      [role, 'delete a shard', remove('runs/two/shards/00000-000000000000.arrow')],
      [role, 'delete a checkpoint', remove('trainings/two-seed/aliases/latest.json')],
      [role, 'change what a run is', put('runs/two/run.json')],
      [role, 'change a plan', put('runs/two/plan.json')],
      [role, 'say that a run is cancelled', put('runs/two/control.json')],
      [role, 'promote a model', put('trainings/two-seed/aliases/production.json')],
      [role, 'change weights', put(keys.weights('0'.repeat(64)))],
      [role, 'list uploads', (s3) => s3.send(new ListMultipartUploadsCommand({ Bucket: servers.bucket }))],
      [role, 'change the policy', (s3) => s3.send(new PutBucketPolicyCommand({ Bucket: servers.bucket, Policy: '{}' }))],
      [role, 'write beside the store', (s3) => s3.send(new PutObjectCommand({ Bucket: servers.bucket, Key: 'other/x', Body: 'x' }))],
    ]),
    ['ingest', 'list the whole store', list('')],
    ['encoder', 'list the whole store', list('')],
    ['trainer', 'list the whole store', list('')],
    ['encoder', 'list its shards', list('runs/two/shards/')],
    ['encoder', 'list commits', list('runs/two/commits/')],
    ['encoder', 'write a manifest', put('runs/two/manifests/1.json')],
    ['encoder', 'read captions', get('runs/two/captions/train-000000000000.arrow')],
    ['encoder', 'read a checkpoint', get('trainings/two-seed/aliases/latest.json')],
    ['encoder', 'write a checkpoint', put('trainings/two-seed/aliases/latest.json')],
    ['ingest', 'write a shard', put('runs/two/shards/00000-000000000000.arrow')],
    ['ingest', 'commit a shard', put('runs/two/commits/00000.json')],
    ['ingest', 'write a checkpoint', put('trainings/two-seed/aliases/latest.json')],
    ['trainer', 'write a shard', put('runs/two/shards/00000-000000000000.arrow')],
    ['trainer', 'commit a shard', put('runs/two/commits/00000.json')],
    ['trainer', 'write a manifest', put('runs/two/manifests/2.json')],
    ['reader', 'read the key of pixels', get(keys.pixelKey())],
    ['trainer', 'read the key of pixels', get(keys.pixelKey())],
    ['encoder', 'change the key of pixels', put(keys.pixelKey())],
    ['reader', 'commit a shard', put('runs/two/commits/00000.json')],
    ['reader', 'write a checkpoint', put('trainings/two-seed/aliases/latest.json')],
    ['admin', 'change the policy', (s3) => s3.send(new PutBucketPolicyCommand({ Bucket: servers.bucket, Policy: '{}' }))],
    ['admin', 'make buckets', (s3) => s3.send(new CreateBucketCommand({ Bucket: 'another-bucket' }))],
  ];
  test.each(forbidden)('S3 does not let %s %s', async (role, _what, tried) => {
    await expect(tried(servers.s3(role))).rejects.toMatchObject({ $metadata: { httpStatusCode: 403 } });
  });

  // What an operator sees who takes the wrong secret: the code, what was tried and where.
  const mistaken: [string, Role, string[], Parameters<RoleServers['showtell']>[2], RegExp][] = [
    [
      'an encoder that would enqueue',
      'admin',
      ['enqueue', 'synthetic:8'],
      { redis: 'encoder' },
      /^REDIS_DENIED: Redis at 127\.0\.0\.1:\d+ \(REDIS_URL\) does not let this user/m,
    ],
    [
      'an encoder that would plan',
      'admin',
      ['enqueue', 'synthetic:8', '--weights', 'narrow.safetensors'],
      { s3: 'encoder' },
      /^STORE_DENIED: PutObject of "(weights|runs)\/[^"]+" in s3:\/\/showtell-roles\/results/m,
    ],
    [
      'an encoder that would remove a run',
      'admin',
      ['rm', 'two', '--yes'],
      { s3: 'encoder' },
      /^STORE_DENIED: .+ in s3:\/\/showtell-roles\/results/m,
    ],
    [
      'a reader that would encode',
      'encoder',
      ['worker', 'encoder', '--device', 'cpu'],
      { s3: 'reader' },
      /STORE_DENIED: PutObject of "probe\/conditional-writes"/,
    ],
    ['a reader that would pause', 'reader', ['pause', 'two'], {}, /(STORE|REDIS)_DENIED: /],
  ];
  test.each(mistaken)(
    '%s is told so',
    async (_title, role, args, others, message) => {
      const { code, said } = await run(role, args, others);
      expect(said).toMatch(message);
      expect(code).toBe(4);
    },
    30_000,
  );
});
