import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openEngine } from '@showtell/encoder-worker/encoder/engines/open';
import { probeEngineProcess } from '@showtell/encoder-worker/engine-process';
import { runEncoderWorker } from '@showtell/encoder-worker/worker';
import type { Device } from '@showtell/shared/device';
import { ShowtellError } from '@showtell/shared/errors';
import { sha256 } from '@showtell/shared/hash';
import { pixelBytes, SIDE } from '@showtell/shared/image/limits';
import { keys } from '@showtell/shared/keys';
import { FileStore } from '@showtell/shared/object-store/file';
import { parseRecord } from '@showtell/shared/schema/record';
import { CommitRecord, SHARD_FORMAT } from '@showtell/shared/schema/shard';
import { Shutdown } from '@showtell/shared/shutdown';
import pino from 'pino';
import { checkInvariants } from './invariants';
import { type PipelineRig, pipelineRig } from './pipeline-rig';
import { describeRedis, type RedisServer, startRedisServer } from './redis-server';

type Processes = NonNullable<Parameters<typeof runEncoderWorker>[0]['processes']>;
type Start = Parameters<Processes['start']>[0];

/** GPUs that only pretend: the engine is the CPU's. */
interface Pretended {
  readonly start?: (options: Start) => void;
  /** Before the pictures [count] are encoded. */
  readonly encode?: (pixels: Uint8Array, count: number, device: string) => void;
}

describeRedis('devices of a worker', () => {
  let server: RedisServer;
  let rig: PipelineRig;
  beforeAll(async () => {
    server = await startRedisServer();
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    rig = await pipelineRig(server.url);
  });
  afterEach(() => rig.close());

  const processes = ({ start, encode }: Pretended): Processes => ({
    probe: async (options) => ({
      ...(await probeEngineProcess({ ...options, device: 'cpu' })),
      provider: 'CUDA',
      device: options.device as Device,
      deviceName: `pretended ${options.device}`,
    }),
    start: async (options) => {
      start?.(options);
      const engine = await openEngine({ ...options, device: 'cpu' });
      const description = { ...engine.description, provider: 'CUDA', device: options.device as Device, deviceName: 'pretended' };
      return {
        ...engine,
        description,
        batch: 6,
        encode: async (pixels, count) => {
          encode?.(pixels, count, options.device);
          return engine.encode(pixels, count);
        },
      };
    },
  });
  const worker = (device: string, pretended: Pretended, store = rig.store) => {
    const shutdown = new Shutdown();
    const done = runEncoderWorker({
      settings: rig.settings,
      store,
      logger: pino({ level: 'silent' }),
      precision: 'float32',
      engine: 'onnx',
      device,
      threads: 1,
      once: true,
      cacheFolder: `${rig.folder}/weights`,
      processes: processes(pretended),
      shutdown,
    });
    done.catch(() => {});
    return done;
  };
  const records = async (run: string, shards: number) =>
    Promise.all(
      Array.from({ length: shards }, async (_, shard) => {
        const key = keys.commit(run, shard);
        return parseRecord(CommitRecord, SHARD_FORMAT, (await rig.store.get(key))!.body, key);
      }),
    );

  test('shards spread over two GPUs of one worker, micro-batches are joined, and each record says which device it was', async () => {
    const counts: number[] = [];
    const { run, shards } = await rig.enqueue({ dataset: 'synthetic:96' });
    await Promise.all([rig.ingest({ once: true }).done, worker('cuda:0,cuda:1', { encode: (_, count) => counts.push(count) })]);
    await checkInvariants(rig.store, run);
    const executions = (await records(run, shards.planned)).map(({ execution }) => execution);
    expect(new Set(executions.map(({ device }) => device))).toEqual(new Set(['cuda:0', 'cuda:1']));
    for (const { provider, deviceName } of executions) expect([provider, deviceName]).toEqual(['CUDA', 'pretended']);
    // 8 rows in micro-batches of 3: two of them together.
    expect(Math.max(...counts)).toBe(6);
  });

  test('on a GPU the next shard is encoded while one is being committed', async () => {
    let onEncode = () => {};
    let overlapped = false;
    /** Whose first commit waits until something is encoded meanwhile; it gives up, and with it the test, after a while. */
    class SlowStore extends FileStore {
      #waited = false;
      override async putIfAbsent(...args: Parameters<FileStore['putIfAbsent']>) {
        if (args[0].includes('/commits/') && !this.#waited) {
          this.#waited = true;
          const encoded = new Promise<boolean>((resolve) => (onEncode = () => resolve(true)));
          overlapped = await Promise.race([encoded, setTimeout(10_000, false, { ref: false })]);
        }
        return super.putIfAbsent(...args);
      }
    }
    const { run } = await rig.enqueue({ dataset: 'synthetic:48' });
    const store = new SlowStore(fileURLToPath(rig.settings.store));
    await Promise.all([rig.ingest({ once: true }).done, worker('cuda:0', { encode: () => onEncode() }, store)]);
    await checkInvariants(rig.store, run);
    expect(overlapped).toBe(true);
  });

  test('with two jobs at once, the picture that kills the engine is the only one that is rejected', async () => {
    const seen = new Set<string>();
    let guilty: string | undefined;
    const encode = (pixels: Uint8Array, count: number) => {
      const bytes = pixelBytes(SIDE);
      for (let image = 0; image < count; image++) {
        const picture = sha256(pixels.subarray(image * bytes, (image + 1) * bytes));
        seen.add(picture);
        if (seen.size === 13) guilty ??= picture;
        if (picture === guilty) throw new ShowtellError('ENGINE_CRASHED', 'died of it');
      }
    };
    const { run, samples } = await rig.enqueue({ dataset: 'synthetic:48' });
    await Promise.all([rig.ingest({ once: true }).done, worker('cuda:0', { encode })]);
    const { rejected, features } = await checkInvariants(rig.store, run);
    expect([...rejected.values()]).toEqual(['CRASHED_WORKER']);
    expect(features.size).toBe(samples.planned - 1);
  });

  test('a batch that the memory was too small for is not tried again by the next engine', async () => {
    const batches: unknown[] = [];
    let failed = false;
    const pretended: Pretended = {
      start: ({ batch, onNotice }) => {
        batches.push(batch);
        if (batches.length === 1) onNotice?.({ level: 'warn', message: 'no memory', batch: 4 });
      },
      encode: () => {
        if (failed) return;
        failed = true;
        throw new Error('CUDA failure 700: an illegal memory access was encountered');
      },
    };
    const { run } = await rig.enqueue({ dataset: 'synthetic:24' });
    await Promise.all([rig.ingest({ once: true }).done, worker('cuda:0', pretended)]);
    await checkInvariants(rig.store, run);
    expect(batches).toEqual(['measured', 4]);
  });

  test('a GPU that cannot be used ends the worker, and the job goes back', async () => {
    const broken = new ShowtellError('DEVICE_UNAVAILABLE', 'fallen off the bus');
    const { run } = await rig.enqueue({ dataset: 'synthetic:24' });
    const start = () => {
      throw broken;
    };
    const ingest = rig.ingest({ once: true });
    await expect(worker('cuda:0', { start })).rejects.toBe(broken);
    await Promise.all([ingest.done, worker('cuda:0', {})]);
    await checkInvariants(rig.store, run);
  });
});
