import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describeRedis, freePort, type RedisServer, startRedisServer } from '../../../infra/test/redis-server';
import { type S3TestServer, startS3 } from '../../../infra/test/s3-server';
import { narrowWeights } from '../../encoder-worker/test/narrow-weights';
import { describeS3 } from '../../shared/test/describe-s3';
import { GREY_PICTURE } from '../src/grey-picture';
import { expectOneMessage, runProgram } from './run-program';

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'showtell-errors-'));
  writeFileSync(join(cwd, 'narrow.safetensors'), narrowWeights(1).safetensors);
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

const enqueue = (source: string, ...flags: string[]) => ['enqueue', source, '--weights', 'narrow.safetensors', ...flags];

/** How the program ended, its message taken apart. */
async function endOf(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const { code: exit, stdout, stderr } = await runProgram(args, { cwd, env });
  expectOneMessage(stderr);
  const [, code, message] = /^([A-Z_]+): (.*)$/s.exec(stderr) ?? [];
  return { exit, stdout, code, message };
}

/** It printed nothing but this one message, in which there is no secret. */
const failed = (exit: number, code: string, message: RegExp) => ({
  exit,
  stdout: '',
  code,
  message: expect.stringMatching(new RegExp(`^(?!.*hunter2).*${message.source}`, 's')) as string,
});

/** Nothing of a run, training or weights file was written. */
const expectEmptyStore = () => expect(existsSync(join(cwd, '.showtell', 'store', 'runs'))).toBe(false);

test('no address of Redis', async () => {
  expect(await endOf(enqueue('synthetic:8'))).toEqual(failed(2, 'CONFIG_INVALID', /REDIS_URL/));
  expectEmptyStore();
});

test('no Redis at the address', async () => {
  const url = `redis://user:hunter2@127.0.0.1:${await freePort()}`;
  expect(await endOf(enqueue('synthetic:8'), { REDIS_URL: url })).toEqual(failed(4, 'REDIS_UNREACHABLE', /REDIS_URL.*ECONNREFUSED/));
  expect(await endOf(['worker', 'ingest', '--log-level', 'silent'], { REDIS_URL: url })).toEqual(
    failed(4, 'REDIS_UNREACHABLE', /REDIS_URL/),
  );
});

test('what is not in the store', async () => {
  expect(await endOf(['status', 'absent'])).toEqual(failed(2, 'NOT_FOUND', /absent.*there is none yet/));
  expect(await endOf(['checkpoints', 'absent'])).toEqual(failed(2, 'NOT_FOUND', /absent/));
  expect(await endOf(['pull', 'absent@best', '--out', 'model'])).toEqual(failed(2, 'NOT_FOUND', /absent/));
  expect(await endOf(['train', 'absent', '--here'])).toEqual(failed(2, 'NOT_FOUND', /absent/));
  expect(await endOf(['train', 'absent', '--here', '--preset', 'sead'])).toEqual(
    failed(2, 'NOT_FOUND', /No preset "sead"; there are: seed/),
  );
  expect(await endOf(['pull', 'a@b@c', '--out', 'model'])).toEqual(failed(2, 'USAGE', /TRAINING@ALIAS/));
  expect(await endOf(['pull', 'a', '--out', 'model', '--format', 'h5'])).toEqual(failed(2, 'USAGE', /safetensors, onnx or tfjs/));
  expect(await endOf(['pull', 'a', '--out', 'model', '--format', 'onnx', '--with-optimizer'])).toEqual(
    failed(2, 'USAGE', /--with-optimizer/),
  );
  expect(await endOf(['pull', 'absent', '--out', 'model', '--format', 'tfjs'])).toEqual(failed(2, 'NOT_FOUND', /absent/));
  expect(existsSync(join(cwd, 'model'))).toBe(false);
});

test('an engine for a training that a worker computes, or a device that it does not train on', async () => {
  expect(await endOf(['train', 'absent', '--engine', 'tensorflow'])).toEqual(failed(2, 'USAGE', /--here with --engine/));
  expect(await endOf(['train', 'absent', '--here', '--device', 'cuda'])).toEqual(failed(2, 'DEVICE_UNAVAILABLE', /device cpu/));
});

test('a model folder that is none', async () => {
  mkdirSync(join(cwd, 'model'));
  expect(await endOf(['caption', 'photo.jpg', '--model', 'model'])).toEqual(failed(2, 'NOT_FOUND', /not a pulled checkpoint/));
});

test('weights that are none', async () => {
  writeFileSync(join(cwd, 'weights.h5'), 'not weights');
  expect(await endOf(['encode', 'photo.jpg', '--weights', 'weights.h5'])).toEqual(failed(3, 'WEIGHTS_INVALID', /weights\.h5/));
});

test('a photo that is no picture does not keep the others from their features', async () => {
  writeFileSync(join(cwd, 'page.jpg'), '<html></html>');
  writeFileSync(join(cwd, 'grey.png'), GREY_PICTURE);
  const args = ['encode', 'page.jpg', 'grey.png', 'absent.jpg', '--weights', 'narrow.safetensors'];
  const { code, stdout, stderr } = await runProgram(args, { cwd });
  expect(code).toBe(3);
  expect(
    stdout
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { photo: string }).photo),
  ).toEqual(['grey.png']);
  expect(stderr.trim().split('\n')).toEqual([
    expect.stringMatching(/^Encoding by onnx in float32 on /),
    expect.stringMatching(/^UNSUPPORTED_FORMAT: page\.jpg: /),
    expect.stringMatching(/^MISSING_IMAGE: absent\.jpg: There is no such file/),
  ]);
});

describeRedis('with a Redis', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedisServer({ password: 'right-hunter2' });
  });
  afterAll(() => redis.stop());
  const env = () => ({ REDIS_URL: redis.url });

  test('a wrong password, which waits for nothing', async () => {
    const url = redis.url.replace('right-hunter2', 'wrong-hunter2');
    expect(await endOf(enqueue('synthetic:8'), { REDIS_URL: url })).toEqual(failed(4, 'REDIS_DENIED', /REDIS_URL/));
  });

  test('a source that is no dataset, or a broken one', async () => {
    mkdirSync(join(cwd, 'empty'));
    expect(await endOf(enqueue('empty'), env())).toEqual(failed(3, 'NOT_A_DATASET', /empty/));
    expect(await endOf(enqueue('ftp://host/coco'), env())).toEqual(failed(2, 'USAGE', /ftp/));
    mkdirSync(join(cwd, 'coco', 'annotations'), { recursive: true });
    mkdirSync(join(cwd, 'coco', 'val'));
    writeFileSync(join(cwd, 'coco', 'annotations', 'captions_val.json'), '{"images": [');
    expect(await endOf(enqueue('coco'), env())).toEqual(failed(3, 'BROKEN_ANNOTATIONS', /captions_val\.json/));
    expectEmptyStore();
  });

  test('a preset that does not exist', async () => {
    expect(await endOf(enqueue('synthetic:8', '--train', 'sead'), env())).toEqual(
      failed(2, 'NOT_FOUND', /No preset "sead"; there are: seed/),
    );
    expectEmptyStore();
  });

  test('a dry run writes nothing', async () => {
    const { code, stdout } = await runProgram(enqueue('synthetic:8', '--dry-run', '--json'), { cwd, env: env() });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ dryRun: true, existed: false, shards: { planned: 3, added: 3 } });
    expectEmptyStore();
  });

  test('a run of that name with other settings, and a run that cannot go on', async () => {
    expect((await runProgram(enqueue('synthetic:8', '--run', 'mine'), { cwd, env: env() })).code).toBe(0);
    expect(await endOf(enqueue('synthetic:9', '--run', 'mine'), env())).toEqual(failed(2, 'RUN_EXISTS', /synthetic:8.*synthetic:9/s));
    const other = { ...env(), SHOWTELL_PREFIX: 'elsewhere' };
    const { code, stdout, stderr } = await runProgram(['status', 'mine'], { cwd, env: other });
    expect(code).toBe(6);
    expect(stdout).toMatch(/State +lost/);
    expectOneMessage(stderr, 'RUN_STUCK');
  });
});

describeRedis('with a Redis that may drop jobs', () => {
  test('it is refused', async () => {
    const redis = await startRedisServer({ args: ['--maxmemory-policy', 'allkeys-lru'] });
    try {
      expect(await endOf(enqueue('synthetic:8'), { REDIS_URL: redis.url })).toEqual(failed(4, 'REDIS_UNSAFE', /allkeys-lru/));
    } finally {
      await redis.stop();
    }
  });
});

describeS3('with an S3 server', () => {
  let s3: S3TestServer;
  beforeAll(async () => {
    s3 = (await startS3())!;
  });
  afterAll(() => s3.stop());
  const keys = (secret = s3.credentials.secretAccessKey) => ({
    S3_ENDPOINT: s3.endpoint,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: s3.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: secret,
  });

  test('no such bucket, wrong keys', async () => {
    expect(await endOf(['status', '--store', 's3://no-such-bucket-here'], keys())).toEqual(
      failed(4, 'NO_SUCH_BUCKET', /no-such-bucket-here/),
    );
    expect(await endOf(['status', '--store', `s3://${s3.bucket}`], keys('hunter2'))).toEqual(
      failed(4, 'STORE_DENIED', new RegExp(s3.bucket)),
    );
  });

  test('doctor says what is wrong and what to do about it', async () => {
    const args = ['doctor', '--json', '--weights', 'narrow.safetensors', '--store', 's3://no-such-bucket-here/x'];
    const env = { ...keys(), REDIS_URL: `redis://:hunter2@127.0.0.1:${await freePort()}` };
    const { code, stdout } = await runProgram(args, { cwd, env });
    expect(code).toBe(4);
    expect(stdout).not.toContain('hunter2');
    const found = JSON.parse(stdout) as { check: string; outcome: string; code?: string; todo?: string }[];
    expect(found.map(({ check, outcome, code: error }) => [check, outcome, error])).toEqual([
      ['node', 'ok', undefined],
      ['pictures', 'ok', undefined],
      ['redis', 'failed', 'REDIS_UNREACHABLE'],
      ['store', 'failed', 'NO_SUCH_BUCKET'],
      ['weights', 'ok', undefined],
      ['encoder', 'ok', undefined],
      ['gpus', 'ok', undefined],
      ['tensorflow', 'ok', undefined],
    ]);
    for (const { outcome, todo } of found) expect(typeof todo).toBe(outcome === 'failed' ? 'string' : 'undefined');
  });
});

test('an output file that cannot be written leaves nothing behind', async () => {
  writeFileSync(join(cwd, 'grey.png'), GREY_PICTURE);
  const out = pathToFileURL(join(cwd, 'grey.png')).pathname;
  expect(await endOf(['encode', 'grey.png', '--weights', 'narrow.safetensors', '--out', `${out}/f.arrow`])).toEqual(
    failed(2, 'FILE_DENIED', /f\.arrow/),
  );
  expect(readdirSync(cwd).sort()).toEqual(['grey.png', 'narrow.safetensors']);
});
