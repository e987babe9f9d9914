import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PIXEL_BYTES } from '@showtell/shared/image/limits';
import { openEngine } from '../src/encoder/engines/open';
import { type EngineProcess, type EngineProcessOptions, probeEngineProcess, startEngineProcess } from '../src/engine-process';
import { describeEngine, narrowSubject, pictures } from './encoder/engines/contract';
import { narrowWeights } from './narrow-weights';

const options = { precision: 'float32', engine: 'onnx', device: 'auto', threads: 1 } as const;
const OPEN_FILES = '/proc/self/fd';

describeEngine(
  'process',
  (weights) => startEngineProcess({ ...options, weights }),
  narrowSubject(),
  (engine) => (engine as EngineProcess).rss,
);

describe('engine process', () => {
  let folder: string;
  let weights: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'showtell-engine-process-'));
    weights = join(folder, 'narrow.safetensors');
    await writeFile(weights, narrowWeights(5).safetensors);
  });
  afterAll(() => rm(folder, { recursive: true }));
  const start = (more: Partial<EngineProcessOptions> = {}) => startEngineProcess({ ...options, weights, ...more });

  test('gives the same bits as the engine in this process, and the device that auto became', async () => {
    const [there, here] = [await start(), await openEngine({ ...options, weights })];
    const pixels = pictures(3);
    expect(await there.encode(pixels, 3)).toEqual(await here.encode(pixels, 3));
    expect(there.description).toEqual(here.description);
    expect(here.description.device).not.toBe('auto');
    await Promise.all([there.close(), here.close()]);
    await gone(there.pid);
  });

  test('requests that overlap get features of their own pixels', async () => {
    const engine = await start();
    const [first, second] = [pictures(4).slice(0, 2 * PIXEL_BYTES), pictures(4).slice(2 * PIXEL_BYTES)];
    const apart = [await engine.encode(first, 2), await engine.encode(second, 2)];
    expect(await Promise.all([engine.encode(first, 2), engine.encode(second, 2)])).toEqual(apart);
    await engine.close();
  });

  (existsSync('/dev/shm') && existsSync(OPEN_FILES) ? describe : describe.skip)('with memory for files', () => {
    test('pixels go through it, and it is given back however the process ends', async () => {
      expect(areas()).toEqual([]);
      const [closed, killed] = [await start(), await start()];
      expect(areas()).toEqual([0, 0]);
      await closed.encode(pictures(2), 2);
      expect(areas()).toEqual([0, 2 * PIXEL_BYTES]);
      await closed.close();
      expect(areas()).toEqual([0]);
      const flight = killed.encode(pictures(1), 1);
      process.kill(killed.pid, 'SIGKILL');
      await expect(flight).rejects.toMatchObject({ code: 'ENGINE_CRASHED' });
      expect(areas()).toEqual([]);
      await expect(start({ device: 'wasm' })).rejects.toMatchObject({ code: 'DEVICE_UNAVAILABLE' });
      await expect(start({ signal: AbortSignal.abort(new Error('no longer wanted')) })).rejects.toThrow('no longer wanted');
      expect(areas()).toEqual([]);
    });
  });

  test('a device is probed without weights, in a process that is gone afterwards', async () => {
    const engine = await start();
    expect(await probeEngineProcess(options)).toEqual(engine.description);
    await expect(probeEngineProcess({ ...options, device: 'tpu' })).rejects.toBeInstanceOf(Error);
    await engine.close();
  });

  test('a killed process rejects all that is in flight and whatever comes later, naming the signal', async () => {
    const engine = await start();
    const many = new Uint8Array(64 * PIXEL_BYTES);
    const flights = [engine.encode(many, 64), engine.encode(many, 64)];
    process.kill(engine.pid, 'SIGKILL');
    const [first, second] = await Promise.allSettled(flights);
    for (const flight of [first, second])
      expect(flight).toMatchObject({
        status: 'rejected',
        reason: { code: 'ENGINE_CRASHED', retryable: true, message: expect.stringContaining('SIGKILL') as string },
      });
    await expect(engine.encode(pictures(1), 1)).rejects.toMatchObject({ code: 'ENGINE_CRASHED' });
    await engine.close();
  });

  test('a process that hangs is killed once nobody can hope for its answer; one that is idle may be idle for ever', async () => {
    const engine = await start({ answerMs: 2_000 });
    expect(await engine.encode(pictures(1), 1)).toHaveLength(engine.dimension);
    process.kill(engine.pid, 'SIGSTOP');
    await sleep(2_500);
    expect(isAlive(engine.pid)).toBe(true);
    const error: unknown = await engine.encode(pictures(1), 1).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'ENGINE_CRASHED', retryable: true });
    expect((error as Error).message).toMatch(/gave no answer for 2 s and was killed$/);
    await gone(engine.pid);
    await engine.close();
  });

  test('a process that dies while idle is found at the next request', async () => {
    const engine = await start();
    process.kill(engine.pid, 'SIGABRT');
    await gone(engine.pid);
    await expect(engine.encode(pictures(1), 1)).rejects.toMatchObject({
      code: 'ENGINE_CRASHED',
      message: expect.stringMatching('SIGABRT') as string,
    });
  });

  test('SIGINT and SIGTERM, which reach the whole group, leave it to its parent', async () => {
    const engine = await start();
    process.kill(engine.pid, 'SIGINT');
    process.kill(engine.pid, 'SIGTERM');
    expect(await engine.encode(pictures(1), 1)).toHaveLength(engine.dimension);
    await engine.close();
    await gone(engine.pid);
  });

  test('a refused start carries the real error with its code and hint', async () => {
    await expect(start({ device: 'wasm' })).rejects.toMatchObject({
      name: 'ShowtellError',
      code: 'DEVICE_UNAVAILABLE',
      message: 'Expected device cuda or cpu for the engine onnx in float32 but received wasm',
      hint: expect.stringContaining('float32 on cuda, cpu') as string,
    });
  });

  test('an aborted start ends with the reason of the signal', async () => {
    const reason = new Error('no longer wanted');
    await expect(start({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    const starting = start({ signal: controller.signal });
    controller.abort(reason);
    await expect(starting).rejects.toBe(reason);
  });

  test('its end follows that of a parent killed with SIGKILL, also in the middle of work', async () => {
    const parent = spawn(process.execPath, ['-e', PARENT, join(__dirname, '..', 'dist', 'engine-process.js'), weights], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const pid = Number(await firstLine(parent));
    expect(isAlive(pid)).toBe(true);
    parent.kill('SIGKILL');
    await once(parent, 'close');
    await gone(pid);
  });
});

/** Bytes in each pixel area that this process has open, the fewest first. */
function areas(): number[] {
  const links = readdirSync(OPEN_FILES).map((fd) => join(OPEN_FILES, fd));
  const open = links.filter((link) => linkOf(link)?.startsWith('/dev/shm/showtell-'));
  return open.map((link) => statSync(link).size).sort((a, b) => a - b);
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    // What the listing itself had open is closed by now.
    return undefined;
  }
}

const PARENT = `
  const [entry, weights] = process.argv.slice(1);
  require(entry).startEngineProcess({ weights, precision: 'float32', engine: 'onnx', device: 'cpu', threads: 1 }).then((engine) => {
    console.log(engine.pid);
    setInterval(() => engine.encode(new Uint8Array(4 * ${PIXEL_BYTES}), 4), 10);
  });
`;

async function firstLine(child: ChildProcess): Promise<string> {
  let text = '';
  for await (const chunk of child.stdout!) {
    text += String(chunk);
    if (text.includes('\n')) break;
  }
  return text.split('\n')[0]!;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function gone(pid: number): Promise<void> {
  const deadline = Date.now() + 15_000;
  while (isAlive(pid)) {
    if (Date.now() > deadline) throw new Error(`Process ${pid} is still alive`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
