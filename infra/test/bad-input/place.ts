import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { writeZipFile } from '../../../bench/src/zip-writer';
import { type Ended, runProgram } from '../../../packages/cli/test/run-program';
import { customModel } from '../../../packages/encoder-worker/test/custom-encoder';
import { narrowWeights } from '../../../packages/encoder-worker/test/narrow-weights';
import { freePort, startRedisServer } from '../redis-server';
import { startS3 } from '../s3-server';
import type { BadInput } from './bad-input';
import { DAMAGES } from './damages';
import { FILES } from './files';

const PASSWORD = 'hunter2-of-redis';

/** A working folder with a complete run `drawn`, a training `f8` of it, a pulled model, servers, and whatever can be wrong. */
export interface Place {
  /** Runs the program in a sound environment but for what the input says. */
  run(input: Pick<BadInput, 'args' | 'env' | 'damaged'>): Promise<Ended>;
  /** The same text wherever and whenever the place was made: its folder, ports, and what is random stand in it by other names. */
  settled(text: string): string;
  /** What must not be in any output. */
  readonly secrets: readonly string[];
  close(): Promise<void>;
}

export async function openPlace(): Promise<Place> {
  const [redis, s3, nobody] = [await startRedisServer({ password: PASSWORD }), (await startS3())!, await freePort()];
  const cwd = mkdtempSync(join(tmpdir(), 'showtell-bad-input-'));
  const store = join(cwd, '.showtell', 'store');
  await writeFiles(cwd);

  const s3Env = {
    S3_ENDPOINT: s3.endpoint,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: s3.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.credentials.secretAccessKey,
    AWS_EC2_METADATA_DISABLED: 'true',
  };
  const filled = (text: string) =>
    text
      .replaceAll('{redis}', redis.url)
      .replaceAll('{host}', `127.0.0.1:${redis.port}`)
      .replaceAll('{nobody}', `127.0.0.1:${nobody}`)
      .replaceAll('{bucket}', s3.bucket);
  const start = (args: readonly string[], env: NonNullable<BadInput['env']> = {}) => {
    const given = Object.entries({ REDIS_URL: '{redis}', SHOWTELL_STALLED_SECONDS: '1', SHOWTELL_LOG_LEVEL: 'error', ...s3Env, ...env });
    return runProgram(args.map(filled), {
      cwd,
      env: Object.fromEntries(given.flatMap(([name, value]) => (value === undefined ? [] : [[name, filled(value)]]))),
    });
  };
  const sound = async (line: string) => {
    const { code, stderr } = await start(line.split(' '));
    if (code !== 0) throw new Error(`showtell ${line} ended with ${code}: ${stderr}`);
  };
  await sound('enqueue synthetic:16 --run drawn --weights narrow.safetensors --shard-rows 8');
  await Promise.all([sound('worker ingest --once'), sound('worker encoder --once --threads 1')]);
  await sound('train drawn --here --name f8 --epochs 1 --set units=8 --set embedding=8 --set minWordCount=1');
  await Promise.all([
    sound('pull f8 --out captioner'),
    sound('evaluate f8 --run drawn --out judged'),
    sound('enqueue synthetic:8 --run waiting --weights narrow.safetensors'),
  ]);
  for (const [name, change] of Object.entries(MODELS)) {
    cpSync(join(cwd, 'captioner'), join(cwd, name), { recursive: true });
    change(join(cwd, name));
  }
  mkdirSync(join(cwd, 'judged-torn'));
  writeFileSync(join(cwd, 'judged-torn', 'scores.json'), '{"images": [');

  let copies = 0;
  return {
    // What one of them changes, the others do not see.
    run({ args, env, damaged }) {
      const copy = join(cwd, 'copies', String(copies++));
      cpSync(store, copy, { recursive: true });
      if (damaged !== undefined) damage(copy, damaged);
      return start(args, { SHOWTELL_STORE: pathToFileURL(copy).href, ...env });
    },
    secrets: [PASSWORD, s3.credentials.secretAccessKey, 'hunter2'],
    settled: (text) =>
      text
        .replaceAll(/copies\/\d+/g, '.showtell/store')
        .replaceAll(cwd, '/home/ada/photos')
        .replaceAll(String(redis.port), '6379')
        .replaceAll(String(nobody), '6380')
        .replaceAll(s3.endpoint, 'http://127.0.0.1:7070')
        .replaceAll(s3.bucket, 'results')
        .replaceAll(/\.partial-[0-9a-f]{8}/g, '.partial-1a2b3c4d')
        // What is computed differs in its last bits from one kind of processor to another.
        .replaceAll(/\b[0-9a-f]{64}\b/g, '9f86d081…')
        .replaceAll(/(\d{5})-[0-9a-f]{12}\.arrow/g, '$1-9f86d081884c.arrow')
        .replaceAll(/\d\.\d{6,}/g, (number) => Number(number).toFixed(2)),
    async close() {
      await Promise.all([redis.stop(), s3.stop()]);
      rmSync(cwd, { recursive: true, force: true });
    },
  };
}

async function writeFiles(cwd: string): Promise<void> {
  const write = (name: string, body: string | Uint8Array) => {
    mkdirSync(dirname(join(cwd, name)), { recursive: true });
    writeFileSync(join(cwd, name), body);
  };
  for (const [name, body] of Object.entries(FILES)) write(name, body);
  write('narrow.safetensors', narrowWeights(1).safetensors);
  write('other.safetensors', narrowWeights(2).safetensors);
  write('cut.safetensors', narrowWeights(1).safetensors.subarray(0, 50_000));
  write('alone.onnx', customModel());
  mkdirSync(join(cwd, 'empty'));
  mkdirSync(join(cwd, 'album.jpg'));
  for (const [folder, member] of [
    ['zip-encrypted', { flags: 1 }],
    ['zip-climbing', { name: 'val2017/../../up.png' }],
  ] as const) {
    mkdirSync(join(cwd, folder));
    await writeZipFile(join(cwd, folder, 'val2017.zip'), [{ name: 'val2017/1.png', body: Buffer.from(FILES['grey.png']!), ...member }]);
    await writeZipFile(join(cwd, folder, 'annotations_trainval2017.zip'), [
      { name: 'annotations/captions_val2017.json', body: Buffer.from(FILES['said.json']!) },
    ]);
  }
  cpSync(join(cwd, 'zip-climbing'), join(cwd, 'zip-cut'), { recursive: true });
  write('zip-cut/val2017.zip', readFileSync(join(cwd, 'zip-cut', 'val2017.zip')).subarray(0, 60));
}

/** Damages a copy of the store. */
function damage(copy: string, name: string): void {
  const { key, change } = DAMAGES[name]!;
  const folder = join(copy, dirname(key));
  mkdirSync(folder, { recursive: true });
  // `*`: a part whose key has its sha256 in it.
  const [begin, end] = key.split('/').at(-1)!.split('*');
  const file = end === undefined ? begin! : readdirSync(folder).find((each) => each.startsWith(begin!) && each.endsWith(end))!;
  const path = join(folder, file);
  const changed = change(readFileSync(path, { flag: 'a+' }));
  if (changed === undefined) rmSync(path);
  else writeFileSync(path, changed);
}

/** What can happen to a pulled folder. */
const MODELS: Readonly<Record<string, (folder: string) => void>> = {
  'captioner-changed': (folder) => writeFileSync(join(folder, 'weights.safetensors'), 'x', { flag: 'a' }),
  'captioner-without-words': (folder) => rmSync(join(folder, 'vocabulary.json')),
  'captioner-torn': (folder) => writeFileSync(join(folder, 'COMMIT.json'), '{"epoch"'),
  'captioner-newer': (folder) => {
    const record = JSON.parse(readFileSync(join(folder, 'COMMIT.json'), 'utf8')) as object;
    writeFileSync(join(folder, 'COMMIT.json'), JSON.stringify({ ...record, formatVersion: 9 }));
  },
};
