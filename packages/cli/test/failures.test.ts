import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { openStore } from '@showtell/shared/object-store/open';
import { connectRedis } from '@showtell/shared/queue/connection';
import { describeRedis, freePort, type RedisServer, startRedisServer } from '../../../infra/test/redis-server';
import { type S3TestServer, startS3 } from '../../../infra/test/s3-server';
import { customDescription, customModel } from '../../encoder-worker/test/custom-encoder';
import { narrowWeights } from '../../encoder-worker/test/narrow-weights';
import { describeS3 } from '../../shared/test/describe-s3';
import { blackPng } from '../../shared/test/image/png';
import { answer, type FaultServer, ORDINARY, startFaultServer } from '../../shared/test/object-store/fault-server';
import { testSettings } from '../../shared/test/queue/settings';
import { GREY_PICTURE } from '../src/grey-picture';
import { type Ended, ended, expectOneMessage, runProgram, startProgram } from './run-program';
import { until } from './until';

/** Whatever can be wrong from outside: the real program on a real S3 server and a real Redis. */
describeS3('on an S3 store', () => {
  describeRedis('with a Redis', () => {
    let s3: S3TestServer;
    let redis: RedisServer;
    let unsafe: FaultServer;
    let store: ObjectStore;
    let source: ObjectStore;
    let cwd: string;

    beforeAll(async () => {
      [s3, redis, unsafe] = await Promise.all([startS3().then((server) => server!), startRedisServer(), startFaultServer()]);
      unsafe.fault = (request, response) => {
        if (request.method !== 'PUT') return ORDINARY;
        return answer(unsafe.objects, { ...request, headers: {} }, response);
      };
      Object.assign(process.env, {
        AWS_REGION: 'us-east-1',
        AWS_ACCESS_KEY_ID: s3.credentials.accessKeyId,
        AWS_SECRET_ACCESS_KEY: s3.credentials.secretAccessKey,
      });
      store = openStore(`s3://${s3.bucket}/results`, { endpoint: s3.endpoint });
      source = openStore(`s3://${s3.bucket}/sources`, { endpoint: s3.endpoint });
      cwd = mkdtempSync(join(tmpdir(), 'showtell-failures-'));
      for (const [name, body] of Object.entries(FILES)) {
        const path = join(cwd, name);
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, body);
      }
      mkdirSync(join(cwd, 'sources', 'nothing'));
      for (const [name, body] of Object.entries(FILES))
        if (name.startsWith('sources/')) await source.put(name.slice('sources/'.length), Buffer.from(body));
    }, 30_000);
    afterAll(async () => {
      await store.close();
      await source.close();
      await Promise.all([s3.stop(), redis.stop(), unsafe.stop()]);
      rmSync(cwd, { recursive: true, force: true });
    });

    const env = (more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({
      S3_ENDPOINT: s3.endpoint,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: s3.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: s3.credentials.secretAccessKey,
      AWS_EC2_METADATA_DISABLED: 'true',
      SHOWTELL_STORE: `s3://${s3.bucket}/results`,
      SHOWTELL_STALLED_SECONDS: '1',
      SHOWTELL_LOG_LEVEL: 'error',
      REDIS_URL: redis.url,
      ...more,
    });
    const showtell = (args: readonly string[], more: NodeJS.ProcessEnv = {}): Promise<Ended> => runProgram(args, { cwd, env: env(more) });
    const enqueue = (from: string, ...flags: string[]) => ['enqueue', from, '--weights', 'narrow.safetensors', ...flags];
    const inBucket = (name: string) => `s3://${s3.bucket}/sources/${name}`;

    /** Objects of runs, trainings and weights, and jobs; the settings that BullMQ keeps beside a queue are none of them. */
    async function written(): Promise<string[]> {
      const found: string[] = [];
      for await (const { key } of store.list('')) if (!key.startsWith('probe/')) found.push(key);
      const connection = connectRedis(testSettings(redis.url));
      found.push(...(await connection.keys('*')).filter((key) => !key.endsWith(':meta')));
      connection.disconnect();
      return found;
    }

    interface Case {
      readonly args: readonly string[];
      readonly env?: NodeJS.ProcessEnv;
      readonly exit: number;
      readonly code: string;
      readonly says: RegExp;
    }
    const refused = (exit: number, code: string, says: RegExp, args: readonly string[], more: NodeJS.ProcessEnv = {}): Case => ({
      exit,
      code,
      says,
      args,
      env: more,
    });

    /** Built late: addresses are known only once the servers run. */
    const CASES: readonly (readonly [string, () => Case | Promise<Case>])[] = [
      [
        'store: no such bucket',
        () => refused(4, 'NO_SUCH_BUCKET', /absent-bucket/, enqueue('synthetic:8'), { SHOWTELL_STORE: 's3://absent-bucket/x' }),
      ],
      ['store: wrong secret', () => refused(4, 'STORE_DENIED', /Signature/, enqueue('synthetic:8'), { AWS_SECRET_ACCESS_KEY: 'hunter2' })],
      [
        'store: unknown access key',
        () => refused(4, 'STORE_DENIED', /access key/, enqueue('synthetic:8'), { AWS_ACCESS_KEY_ID: 'unknown' }),
      ],
      [
        'store: no keys at all',
        () =>
          refused(4, 'STORE_DENIED', /no credentials were found/, enqueue('synthetic:8'), {
            AWS_ACCESS_KEY_ID: '',
            AWS_SECRET_ACCESS_KEY: '',
          }),
      ],
      [
        'store: without conditional writes',
        () => refused(4, 'UNSAFE_STORE', /If-None-Match/, enqueue('synthetic:8'), { S3_ENDPOINT: unsafe.endpoint }),
      ],
      ...(['ingest', 'encoder', 'trainer'] as const).map((service): readonly [string, () => Case] => [
        `store: without conditional writes, for worker ${service}`,
        () => refused(4, 'UNSAFE_STORE', /If-None-Match/, ['worker', service], { S3_ENDPOINT: unsafe.endpoint }),
      ]),
      [
        'store: a folder that cannot be',
        () => refused(4, 'STORE_DENIED', /file:/, enqueue('synthetic:8'), { SHOWTELL_STORE: `file://${cwd}/narrow.safetensors/store` }),
      ],
      ['source: no such bucket', () => refused(4, 'NO_SUCH_BUCKET', /absent-bucket/, enqueue('s3://absent-bucket/coco'))],
      ['source: nothing under the prefix', () => refused(3, 'NOT_A_DATASET', /nothing: there is no such/, enqueue(inBucket('absent')))],
      ['source: photos without annotations', () => refused(3, 'NOT_A_DATASET', /received train\//, enqueue(inBucket('photos')))],
      ['source: annotations without photos', () => refused(3, 'EMPTY_DATASET', /train\//, enqueue(inBucket('captions')))],
      ['source: an empty folder', () => refused(3, 'NOT_A_DATASET', /nothing/, enqueue('sources/nothing'))],
      ['source: no such folder', () => refused(3, 'NOT_A_DATASET', /no such folder/, enqueue('sources/absent'))],
      ['source: a file', () => refused(3, 'NOT_A_DATASET', /no such folder/, enqueue('narrow.safetensors'))],
      ['annotations: truncated', () => refused(3, 'BROKEN_ANNOTATIONS', /line 1.*file ends/, enqueue(inBucket('truncated')))],
      ['annotations: not JSON', () => refused(3, 'BROKEN_ANNOTATIONS', /is not JSON/, enqueue(inBucket('page')))],
      ['annotations: of another shape', () => refused(3, 'BROKEN_ANNOTATIONS', /a list "images"/, enqueue(inBucket('shape')))],
      ['annotations: an image without id', () => refused(3, 'BROKEN_ANNOTATIONS', /images\[0\].*for id/, enqueue(inBucket('no-id')))],
      [
        'annotations: a caption that is no text',
        () => refused(3, 'BROKEN_ANNOTATIONS', /annotations\[0\].*for caption/, enqueue(inBucket('no-text'))),
      ],
      ['captions for absent images, strict', () => refused(3, 'STRICT', /image 9.*gone\.jpg/, enqueue(inBucket('gaps'), '--strict'))],
      ['no such split', () => refused(2, 'NOT_FOUND', /\(train\) but received tran/, enqueue(inBucket('gaps'), '--split', 'tran'))],
      [
        'Redis: no such host',
        () =>
          refused(4, 'REDIS_UNREACHABLE', /ENOTFOUND|EAI_AGAIN|not Redis/, enqueue('synthetic:8'), {
            REDIS_URL: 'redis://:hunter2@absent.invalid',
          }),
      ],
      [
        'Redis: another server',
        () => refused(4, 'REDIS_UNREACHABLE', /REDIS_URL/, enqueue('synthetic:8'), { REDIS_URL: s3.endpoint.replace('http', 'redis') }),
      ],
      ['Redis: no such database', () => refused(2, 'CONFIG_INVALID', /database/, enqueue('synthetic:8'), { REDIS_URL: `${redis.url}/99` })],
      [
        'Redis for pixels: none',
        async () =>
          refused(4, 'REDIS_UNREACHABLE', /SHOWTELL_PIXEL_REDIS/, enqueue('synthetic:8'), {
            SHOWTELL_PIXEL_REDIS: `redis://127.0.0.1:${await freePort()}`,
          }),
      ],
      ...['../x', '123', ''].map((name): readonly [string, () => Case] => [
        `run name ${JSON.stringify(name)}`,
        () => refused(2, 'CONFIG_INVALID', /run name/, enqueue('synthetic:8', `--run=${name}`)),
      ]),
      ['a name that is none is not found', () => refused(2, 'NOT_FOUND', /No run "\.\.\/x"/, ['status', '../x'])],
      [
        'photos to calibrate what is not calibrated',
        () => refused(2, 'USAGE', /--precision int8/, enqueue('synthetic:8', '--calibration-photos', '8')),
      ],
      [
        'calibration: no such folder',
        () => refused(2, 'NOT_FOUND', /no folder absent/, enqueue('synthetic:8', '--precision', 'int8', '--calibration', 'absent')),
      ],
      [
        'calibration: a folder without photos',
        () => refused(3, 'EMPTY_DATASET', /sources/, enqueue('synthetic:8', '--precision', 'int8', '--calibration', 'sources/captions')),
      ],
      ['int8 of photos, not calibrated', () => refused(2, 'USAGE', /--calibration/, ['encode', 'text.h5', '--precision', 'int8'])],
      ['encoder of a run and another', () => refused(2, 'USAGE', /--precision/, ['encode', 'x.png', '--run', 'x', '--precision', 'int8'])],
      ['encoder of no run', () => refused(2, 'NOT_FOUND', /No run "x"/, ['encode', 'x.png', '--run', 'x'])],
      [
        'precision that needs a GPU, for a worker on the CPU',
        () => refused(2, 'DEVICE_UNAVAILABLE', /float16/, ['worker', 'encoder', '--device', 'cpu', '--precision', 'float16']),
      ],
      ['a GPU that is not there', () => refused(2, 'DEVICE_UNAVAILABLE', /cuda:99/, ['worker', 'encoder', '--device', 'cuda:99'])],
      ['--shard-rows 0', () => refused(2, 'USAGE', /--shard-rows/, enqueue('synthetic:8', '--shard-rows', '0'))],
      ['a hyper-parameter that does not exist', () => refused(2, 'CONFIG_INVALID', /no foo/, ['train', 'x', '--here', '--set', 'foo=1'])],
      ['a hyper-parameter out of range', () => refused(2, 'CONFIG_INVALID', /units/, ['train', 'x', '--here', '--set', 'units=1e9'])],
      [
        'hyper-parameters that are words where a number is wanted, all at once',
        () =>
          refused(2, 'CONFIG_INVALID', /number for units but received "many"[^]*true or false for standardize but received 1/, [
            'train',
            'x',
            '--here',
            '--set',
            'units=many',
            '--set',
            'standardize=1',
          ]),
      ],
      ['a settings file that is no JSON', () => refused(2, 'CONFIG_INVALID', /text\.h5/, ['status', '--config', 'text.h5'])],
      ['a settings file with an unknown setting', () => refused(2, 'CONFIG_INVALID', /"stroe"/, ['status', '--config', 'unknown.json'])],
      ['weights: no such file', () => refused(3, 'WEIGHTS_INVALID', /absent\.h5/, ['enqueue', 'synthetic:8', '--weights', 'absent.h5'])],
      [
        'weights: a model without description',
        () => refused(3, 'WEIGHTS_INVALID', /no .*alone\.json/, ['enqueue', 'synthetic:8', '--weights', 'alone.onnx']),
      ],
      ['weights: no model', () => refused(3, 'WEIGHTS_INVALID', /ONNX/, ['enqueue', 'synthetic:8', '--weights', 'page.onnx'])],
      [
        'weights: a description with two problems',
        () => refused(3, 'WEIGHTS_INVALID', /input\.side[^]*output\.pooling/, ['enqueue', 'synthetic:8', '--weights', 'wrong.onnx']),
      ],
      [
        'weights: a model in a precision that it has not',
        () => refused(2, 'CONFIG_INVALID', /tiny-conv/, ['enqueue', 'synthetic:8', '--weights', 'tiny.onnx', '--precision', 'int8']),
      ],
      ['weights: text', () => refused(3, 'WEIGHTS_INVALID', /HDF5/, ['enqueue', 'synthetic:8', '--weights', 'text.h5'])],
      [
        'weights: imagenet, and no server that has it',
        async () => ({
          ...refused(4, 'DOWNLOAD_FAILED', /inception_v3_weights[^]*bcbd6486/, ['enqueue', 'synthetic:8', '--weights', 'imagenet']),
          env: { SHOWTELL_IMAGENET_URL: `http://127.0.0.1:${await freePort()}/weights.h5` },
        }),
      ],
    ];

    test.each(CASES)('%s: one message, and nothing is written', async (_name, build) => {
      const { args, env: more, exit, code, says } = await build();
      const { code: ending, stdout, stderr } = await showtell(args, more);
      expect({ ending, stdout, stderr }).toEqual({ ending: exit, stdout: '', stderr: expect.stringMatching(says) as string });
      expectOneMessage(stderr, code);
      expect(stderr).not.toMatch(/hunter2/);
      expect(await written()).toEqual([]);
      expect([...unsafe.objects.keys()].filter((key) => !key.includes('probe/'))).toEqual([]);
    });

    /** Jobs that no worker of these tests is to work on. */
    const ASIDE = { SHOWTELL_PREFIX: 'aside' };

    test('an enqueue that is killed leaves nothing that the next one does not mend', async () => {
      const killed = startProgram(enqueue('synthetic:200', '--run', 'killed', '--shard-rows', '4'), { cwd, env: env(ASIDE) });
      const end = ended(killed);
      await until(async () => (await store.head('runs/killed/run.json')) !== undefined);
      killed.kill('SIGKILL');
      await end;
      const { code, stdout } = await showtell(enqueue('synthetic:200', '--run', 'killed', '--shard-rows', '4', '--json'), {
        ...ASIDE,
      });
      expect(code).toBe(0);
      const { planned, added, waiting } = (JSON.parse(stdout) as { shards: Record<string, number> }).shards;
      expect(added! + waiting!).toBe(planned);
    });

    test.each([
      ['enqueue --wait', enqueue('synthetic:8', '--run', 'waits', '--wait'), /^INTERRUPTED: .*SIGINT/m],
      ['status --watch', ['status', 'killed', '--watch'], /^INTERRUPTED: .*SIGINT/m],
    ])('Ctrl-C ends %s with exit code 130', async (_name, args, says) => {
      const child = startProgram(args, { cwd, env: env(ASIDE) });
      const end = ended(child);
      let text = '';
      child.stdout!.on('data', (data: Buffer) => (text += data.toString()));
      await until(() => text.length > 0);
      child.kill('SIGINT');
      const { code, stderr } = await end;
      expect({ code, stderr }).toEqual({ code: 130, stderr: expect.stringMatching(says) as string });
      expect(stderr).not.toMatch(/^\s+at /m);
    });

    const small = ['--set', 'units=8', '--set', 'embedding=8', '--set', 'minWordCount=1'];

    test('photos that are none are rejected with their reasons, and the rest is committed', async () => {
      expect((await showtell(enqueue(inBucket('gaps'), '--run', 'gaps'))).code).toBe(0);
      const workers = await Promise.all(['ingest', 'encoder'].map((service) => showtell(['worker', service, '--once'])));
      expect(workers.map(({ code }) => code)).toEqual([0, 0]);
      const { code, stdout } = await showtell(['status', 'gaps', '--json']);
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({
        state: 'complete',
        samples: { planned: 4, committed: 1, rejected: 3 },
        rejected: { UNSUPPORTED_FORMAT: 1, TRUNCATED: 1, TOO_MANY_PIXELS: 1 },
      });
      const exists = await showtell(enqueue(inBucket('gaps'), '--run', 'gaps', '--shard-rows', '3', '--strict'));
      expect(exists.code).toBe(2);
      expectOneMessage(exists.stderr, 'RUN_EXISTS');
      expect(exists.stderr).toMatch(/shardRows: the run has 512, asked for 3\n {2}strict: /);
    });

    test('a run of which a record is damaged hides none of the others, and a damaged report nothing at all', async () => {
      for await (const { key } of store.list('runs/gaps/reports/')) await store.put(key, Buffer.from('{'));
      expect((await showtell(['status', 'gaps'])).stdout).toMatch(/3 \(.*TRUNCATED/);
      expect((await showtell(enqueue('synthetic:8', '--dry-run'))).code).toBe(0);
      await store.put('runs/torn/run.json', Buffer.from('{'));
      const listed = await showtell(['status']);
      const told = JSON.parse((await showtell(['status', '--json'])).stdout) as { run: string; state: string }[];
      await store.delete('runs/torn/run.json');
      expect(listed.code).toBe(6);
      expectOneMessage(listed.stderr, 'CORRUPT_OBJECT');
      expect(listed.stdout).toMatch(/^gaps +complete [^]*^unreadable torn: runs\/torn\/run\.json is not JSON$/m);
      expect(told).toContainEqual(expect.objectContaining({ run: 'gaps', state: 'complete' }));
      expect(told).toContainEqual(expect.objectContaining({ run: 'torn', state: 'unreadable' }));
    });

    test('a shard, and a file of a checkpoint, of which one bit was flipped', async () => {
      const flip = async (prefix: string) => {
        let found: string | undefined;
        for await (const { key } of store.list(prefix)) found = key;
        const { body } = (await store.get(found!))!;
        const changed = Buffer.from(body);
        changed[changed.length >> 1]! ^= 1;
        await store.put(found!, changed);
        return { key: found!, restore: () => store.put(found!, body) };
      };
      const shard = await flip('runs/gaps/shards/');
      const refusedShard = await showtell(['train', 'gaps', '--here', '--epochs', '1', ...small]);
      expect(refusedShard.code).toBe(6);
      expectOneMessage(refusedShard.stderr, 'CORRUPT_SHARD');
      expect(refusedShard.stderr).toContain(shard.key);
      await shard.restore();

      expect((await showtell(['train', 'gaps', '--here', '--resume'])).code).toBe(0);
      await flip('trainings/gaps-seed/checkpoints/00000001-2/weights');
      const pulled = await showtell(['pull', 'gaps-seed', '--out', 'model']);
      expect(pulled.code).toBe(6);
      expectOneMessage(pulled.stderr, 'CORRUPT_CHECKPOINT');
      expect(() => readFileSync(join(cwd, 'model', 'COMMIT.json'))).toThrow('ENOENT');
      for (const [args, says] of [
        [['pull', 'gaps-seed@production', '--out', 'model'], /no alias "production"/],
        [['train', 'gaps', '--here', '--name', 'other', '--train-split', 'tran'], /no split "tran"/],
        [['train', 'gaps', '--here', '--name', 'absent', '--resume'], /No training "absent" .*there are: gaps-seed/],
      ] as const) {
        const { code, stderr } = await showtell(args);
        expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(says) as string });
        expectOneMessage(stderr, 'NOT_FOUND');
      }
    });

    test('a run whose shards have all failed says why; enqueueing it again mends it', async () => {
      const run = enqueue('synthetic:8', '--run', 'fails');
      expect((await showtell(run)).code).toBe(0);
      for await (const { key } of store.list('weights/')) await store.delete(key);
      rmSync(join(cwd, '.showtell'), { recursive: true, force: true });
      await Promise.all(['ingest', 'encoder'].map((service) => showtell(['worker', service, '--once'], { SHOWTELL_LOG_LEVEL: 'silent' })));
      const { code, stdout, stderr } = await showtell(['status', 'fails']);
      expect(code).toBe(6);
      expectOneMessage(stderr, 'RUN_STUCK');
      expect(stdout).toMatch(/^failed shard \d: NOT_FOUND: The encoder weights/m);
      expect((await showtell(run)).code).toBe(0);
      await Promise.all(['ingest', 'encoder'].map((service) => showtell(['worker', service, '--once'])));
      expect((await showtell(['status', 'fails'])).stdout).toMatch(/3 of 3 committed/);
    });

    test('commands that wait end at Ctrl-C, also while Redis is away', async () => {
      const own = await startRedisServer();
      const more = env({ REDIS_URL: own.url });
      expect((await runProgram(enqueue('synthetic:8', '--run', 'away'), { cwd, env: more })).code).toBe(0);
      const commands = [
        ['status', 'away', '--watch'],
        ['train', 'gaps', '--name', 'away', ...small],
      ].map((args) => {
        const child = startProgram(args, { cwd, env: more });
        let text = '';
        for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (data: Buffer) => (text += data.toString()));
        return { child, end: ended(child), said: () => text.length > 0 };
      });
      await until(() => commands.every(({ said }) => said()));
      await own.stop();
      await Promise.all(
        commands.map(async ({ child, end }) => {
          child.kill('SIGINT');
          const { code, stderr } = await end;
          expect({ code, stderr }).toEqual({ code: 130, stderr: expect.stringMatching(/^INTERRUPTED: /m) as string });
        }),
      );
    });
  });
});

const captionsOf = (images: unknown, annotations: unknown) => JSON.stringify({ images, annotations });
const image = { id: 1, file_name: 'good.png' };
const caption = { id: 1, image_id: 1, caption: 'A grey dot.' };
const captions = (body: string) => ({ 'annotations/captions_train.json': body, 'train/good.png': GREY_PICTURE });
const folder = (name: string, files: Record<string, string | Buffer>) =>
  Object.fromEntries(Object.entries(files).map(([path, body]) => [`sources/${name}/${path}`, body]));
const GAPS = ['good.png', 'page.jpg', 'half.png', 'bomb.png', 'gone.jpg'];

const FILES: Readonly<Record<string, string | Buffer>> = {
  'narrow.safetensors': narrowWeights(1).safetensors,
  'text.h5': 'not weights',
  'alone.onnx': Buffer.from(customModel()),
  'page.onnx': '<html></html>',
  'page.json': JSON.stringify(customDescription()),
  'tiny.onnx': Buffer.from(customModel()),
  'tiny.json': JSON.stringify(customDescription()),
  'wrong.onnx': Buffer.from(customModel()),
  'wrong.json': JSON.stringify({ name: 'x', input: { name: 'image', side: 3 }, output: { name: 'out', pooling: 'max', dimension: 5 } }),
  'unknown.json': '{"stroe": "file:///x"}',
  ...folder('photos', { 'train/good.png': GREY_PICTURE }),
  ...folder('captions', { 'annotations/captions_train.json': captionsOf([image], [caption]) }),
  ...folder('truncated', captions('{"images": [{"id": 1, "file_name": "good.p')),
  ...folder('page', captions('<html></html>')),
  ...folder('shape', captions('{"dataset": []}')),
  ...folder('no-id', captions(captionsOf([{ file_name: 'good.png' }], []))),
  ...folder('no-text', captions(captionsOf([image], [{ id: 1, image_id: 1, caption: 5 }]))),
  ...folder('gaps', {
    ...captions(
      captionsOf(
        GAPS.map((name, index) => ({ id: index + 1, file_name: name })),
        [
          ...GAPS.map((name, index) => ({ id: index, image_id: index + 1, caption: `A picture called ${name}` })),
          { id: 99, image_id: 9, caption: 'Of nothing.' },
        ],
      ),
    ),
    'train/page.jpg': '<html></html>',
    'train/half.png': GREY_PICTURE.subarray(0, 50),
    'train/bomb.png': blackPng(30_000),
  }),
};
