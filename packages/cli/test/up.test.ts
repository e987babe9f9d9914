import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PRECISIONS } from '@showtell/encoder-worker/encoder/engines/engine';
import { describeRedis } from '../../../infra/test/redis-server';
import { narrowWeights } from '../../encoder-worker/test/narrow-weights';
import { GREY_PICTURE } from '../src/grey-picture';
import { type Ended, ended, expectOneMessage, runProgram, startProgram } from './run-program';
import { until } from './until';

/** Everything of these tests, the programs' temporary files too, so that what they leave can be seen. */
let cwd: string;
let temporary: string;
let up: ChildProcess | undefined;
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), 'showtell-up-'));
  temporary = mkdtempSync(join(tmpdir(), 'showtell-up-temporary-'));
  writeFileSync(join(cwd, 'narrow.safetensors'), narrowWeights(1).safetensors);
});
afterAll(async () => {
  if (up !== undefined && up.exitCode === null) up.kill('SIGKILL');
  rmSync(cwd, { recursive: true, force: true });
  rmSync(temporary, { recursive: true, force: true });
});

const env = () => ({ TMPDIR: temporary, SHOWTELL_STALLED_SECONDS: '1', SHOWTELL_LOCK_SECONDS: '4', SHOWTELL_DRAIN_SECONDS: '0' });
const showtell = (...args: string[]): Promise<Ended> => runProgram(args, { cwd, env: env() });
async function succeed(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await showtell(...args);
  expect({ args, code, stderr: code === 0 ? '' : stderr }).toEqual({ args, code: 0, stderr: '' });
  return stdout;
}

/** Starts `up` and waits for its last line. */
async function startUp(): Promise<{ readonly up: ChildProcess; readonly end: Promise<Ended>; readonly text: () => string }> {
  let text = '';
  up = startProgram(['up', '--encoders', '2'], { cwd, env: env() });
  up.stdout!.on('data', (data: Buffer) => (text += data.toString()));
  const end = ended(up);
  await until(() => text.includes('Ctrl-C'));
  return { up, end, text: () => text };
}

/** Processes of a group that `pid` started, by their parents. */
function childrenOf(pid: number): number[] {
  const own = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  return own.flatMap((child) => [child, ...childrenOf(child)]);
}

const isAlive = (pid: number) => existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));

describeRedis('one machine', () => {
  test('from a dataset to captions, with commands that find the services by themselves', async () => {
    const { up: running, end, text } = await startUp();
    const dashboard = /http:\/\/127\.0\.0\.1:\d+/.exec(text())![0];
    const page = await fetch(dashboard);
    expect(await page.text()).toContain('Showtell');
    const { queues } = (await (await fetch(`${dashboard}/api/queues`)).json()) as { queues: { name: string; readOnlyMode: boolean }[] };
    const encode = PRECISIONS.map((precision) => `encode-${precision}`).sort();
    expect(queues.map(({ name }) => name).sort()).toEqual([...encode, 'finalize', 'ingest', 'train']);
    expect(queues.every(({ readOnlyMode }) => readOnlyMode)).toBe(true);

    const twice = await showtell('up');
    expect(twice.code).toBe(2);
    expectOneMessage(twice.stderr, 'USAGE');

    const enqueue = ['enqueue', 'synthetic:20', '--run', 'drawn', '--weights', 'narrow.safetensors', '--shard-rows', '4', '--json'];
    expect(JSON.parse(await succeed(...enqueue, '--wait'))).toMatchObject({ existed: false, shards: { committed: 0 } });
    expect(JSON.parse(await succeed(...enqueue))).toMatchObject({
      existed: true,
      shards: { added: 0, waiting: 0 },
      samples: { committed: 20 },
    });
    expect(JSON.parse(await succeed('status', 'drawn', '--json'))).toMatchObject({
      state: 'complete',
      manifest: 1,
      samples: { committed: 20 },
    });
    expect(await succeed('status')).toMatch(/^drawn +complete +10 +– +20 +100 %/m);

    const train = ['train', 'drawn', '--epochs', '2', '--set', 'units=8', '--set', 'embedding=8', '--set', 'minWordCount=1'];
    expect(await succeed(...train)).toMatch(
      /^Training drawn-seed: .*\n[^]*Epoch 2\/2 [^]*\nDone\. Its checkpoints: showtell checkpoints drawn-seed\n$/,
    );
    expect(await succeed(...train)).toMatch(/^The training drawn-seed was complete already \(2 epochs, \d+ steps\)\..*\n$/);
    const trainings = JSON.parse(await succeed('checkpoints', '--json')) as { training: string; state: string }[];
    expect(trainings).toEqual([expect.objectContaining({ training: 'drawn-seed', state: 'complete', epochs: 2 })]);
    expect(await succeed('checkpoints', 'drawn-seed')).toContain('@latest');

    await stop(running, end, 'SIGINT');
  }, 60_000);

  test('stopped before a run is complete, it says what is left, and goes on with it by itself', async () => {
    const first = await startUp();
    await succeed('enqueue', 'synthetic:400', '--run', 'long', '--weights', 'narrow.safetensors', '--shard-rows', '4');
    await stop(first.up, first.end, 'SIGINT');
    expect(first.text()).toMatch(/^Left {7}long: \d+ of 100 shards are left$/m);
    expect(first.text()).not.toMatch(/Left +(drawn|training)/);
    // Redis is gone, so nobody can tell whether the run goes on; what is done is known.
    expect(await succeed('status')).toMatch(/^long +incomplete +10 +– +400 .*\n[^]*\nRedis was not asked/m);
    expect(
      await succeed('enqueue', 'synthetic:400', '--run', 'long', '--weights', 'narrow.safetensors', '--shard-rows', '4', '--dry-run'),
    ).toMatch(/Note: jobs in Redis were not looked at/);

    const second = await startUp();
    await until(() => /^Goes on {4}long: \d+ of 100 shards are left$/m.test(second.text()));
    expect(second.text()).not.toMatch(/Goes on +drawn/);
    await succeed('status', 'long', '--watch');
    expect(JSON.parse(await succeed('status', 'long', '--json'))).toMatchObject({ state: 'complete', samples: { committed: 400 } });
    await stop(second.up, second.end, 'SIGINT');
    expect(second.text()).not.toContain('Left ');
  }, 60_000);

  test('a pulled checkpoint captions without services, and is refused once a file of it was changed', async () => {
    await succeed('pull', 'drawn-seed', '--out', 'model');
    writeFileSync(join(cwd, 'grey.png'), GREY_PICTURE);
    writeFileSync(join(cwd, 'page.jpg'), '<html></html>');
    const { code, stdout, stderr } = await showtell('caption', 'page.jpg', 'grey.png', '--model', 'model', '--json');
    expect(code).toBe(3);
    expect(stderr).toMatch(/^Encoding by onnx in float32 on .*\nUNSUPPORTED_FORMAT: page\.jpg: .*\n$/);
    const rows = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { photo: string; caption?: string; error?: { code: string } });
    expect(rows).toEqual([
      { photo: 'page.jpg', error: expect.objectContaining({ code: 'UNSUPPORTED_FORMAT' }) },
      { photo: 'grey.png', caption: expect.any(String), ended: expect.any(Boolean), logProbability: expect.any(Number) },
    ]);
    expect(await succeed('caption', 'grey.png', '--model', 'drawn-seed@latest')).toBe(`${rows[1]!.caption}\n`);

    expect(JSON.parse(await succeed('pull', 'drawn-seed', '--out', 'onnx', '--format', 'onnx', '--json'))).toMatchObject({
      path: join(cwd, 'onnx'),
      format: 'onnx',
      training: 'drawn-seed',
      withEncoder: true,
    });
    expect(existsSync(join(cwd, 'onnx', 'step.onnx'))).toBe(true);

    writeFileSync(join(cwd, 'model', 'vocabulary.json'), '{}');
    const changed = await showtell('caption', 'grey.png', '--model', 'model');
    expect(changed.code).toBe(6);
    expectOneMessage(changed.stderr, 'CORRUPT_CHECKPOINT');
    expect(changed.stderr).toContain('vocabulary.json');
    expect(readdirSync(temporary)).toEqual([]);
  });

  test('a training in this process goes on where it stopped, and refuses other settings', async () => {
    const train = ['train', 'drawn', '--here', '--name', 'here', '--json'];
    const settings = ['--epochs', '1', '--set', 'units=8', '--set', 'embedding=8', '--set', 'minWordCount=1'];
    expect(await succeed(...train, ...settings)).toContain('"event":"end","outcome":"completed"');
    expect((await showtell(...train, ...settings, '--set', 'units=9')).stderr).toMatch(/^TRAINING_EXISTS: [^]*units/);
    const resumed = await showtell(...train, '--resume');
    expect({ code: resumed.code, stderr: resumed.stderr }).toEqual({ code: 0, stderr: '' });
    expect((await showtell(...train, '--resume', '--epochs', '2')).stderr).toMatch(/^TRAINING_EXISTS: [^]*epochs/);
  });

  test('killed, it leaves no process and no Redis', async () => {
    const { up: running } = await startUp();
    const children = childrenOf(running.pid!);
    // Redis and its guard, ingest, two encoders, the trainer.
    expect(children.length).toBeGreaterThanOrEqual(6);
    running.kill('SIGKILL');
    await until(() => !children.some(isAlive));
    await until(() => readdirSync(temporary).length === 0);
    // Its address leads nowhere, so Redis is not asked.
    const status = JSON.parse(await succeed('status', 'drawn', '--json')) as object;
    expect(status).toMatchObject({ state: 'complete' });
    expect(status).not.toHaveProperty('queues');
  });

  /** Stops `up` and looks for what it leaves. */
  async function stop(running: ChildProcess, end: Promise<Ended>, signal: NodeJS.Signals): Promise<void> {
    const children = childrenOf(running.pid!);
    expect(children.length).toBeGreaterThanOrEqual(6);
    running.kill(signal);
    expect((await end).code).toBe(0);
    expect(children.filter(isAlive)).toEqual([]);
    expect(existsSync(join(cwd, '.showtell', 'services.json'))).toBe(false);
    expect(readdirSync(temporary)).toEqual([]);
  }
});
