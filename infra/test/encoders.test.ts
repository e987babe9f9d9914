import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadCaptioner } from '@showtell/captioner/load';
import { openRunEncoder } from '@showtell/captioner/photo-encoder';
import { type EnqueueRequest, enqueueSource } from '@showtell/cli/enqueue/enqueue-source';
import { decodeEncoderFile } from '@showtell/encoder-worker/encoder/encoder-file';
import { openEngine } from '@showtell/encoder-worker/encoder/engines/open';
import { fetchWeights } from '@showtell/encoder-worker/encoder/weights/keep';
import { resolveWeights } from '@showtell/encoder-worker/encoder/weights/resolve';
import { runEncoderWorker } from '@showtell/encoder-worker/worker';
import { runIngestWorker } from '@showtell/ingest/worker';
import { decodePlanRows } from '@showtell/shared/arrow/plan-rows';
import { readPart } from '@showtell/shared/commit';
import { prepare } from '@showtell/shared/image/prepare';
import { keys } from '@showtell/shared/keys';
import { readPlannedRun } from '@showtell/shared/planned-run';
import type { Precision } from '@showtell/shared/schema/encoder-identity';
import { Shutdown } from '@showtell/shared/shutdown';
import { openSource } from '@showtell/shared/source/open';
import { pullCheckpoint } from '@showtell/trainer/checkpoint/pull';
import { trainHere } from '@showtell/trainer/train/train-here';
import pino from 'pino';
import { writeCustomEncoder } from '../../packages/encoder-worker/test/custom-encoder';
import { TINY } from '../../packages/trainer/test/tiny-run';
import { checkInvariants } from './invariants';
import { type PipelineRig, pipelineRig } from './pipeline-rig';
import { describeRedis, type RedisServer, startRedisServer } from './redis-server';

describeRedis('encoders from enqueue to caption', () => {
  const logger = pino({ level: 'silent' });
  let server: RedisServer;
  let rig: PipelineRig;
  let shutdown: Shutdown;
  beforeAll(async () => {
    server = await startRedisServer();
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    rig = await pipelineRig(server.url);
    shutdown = new Shutdown();
  });
  afterEach(async () => {
    await shutdown.run();
    await rig.close();
  });

  const enqueue = (request: Partial<EnqueueRequest>) => {
    const { settings, store } = rig;
    return enqueueSource(
      { settings, store, logger, shutdown, signal: shutdown.signal },
      { source: 'synthetic:24', shardRows: 5, microBatch: 3, weights: rig.weightsFile, ...request },
    );
  };
  const drain = (precision: Precision) => {
    const { settings, store, folder } = rig;
    const common = { settings, store, logger, once: true, shutdown };
    return Promise.all([
      runIngestWorker(common),
      runEncoderWorker({ ...common, precision, engine: 'onnx', device: 'cpu', threads: 1, cacheFolder: join(folder, 'weights') }),
    ]);
  };
  const planOf = async (run: string) => (await readPlannedRun(rig.store, run))!;
  /** Every photo of a run, straight through the engine, as the run should have encoded it. */
  async function checkFeatures(run: string): Promise<void> {
    const planned = await planOf(run);
    const { precision, weightsSha256 } = planned.plan.encoder;
    const { features } = await checkInvariants(rig.store, run);
    const weights = await fetchWeights(rig.store, weightsSha256, join(rig.folder, 'checked'));
    const engine = await openEngine({ weights, precision, engine: 'onnx', device: 'cpu', threads: 1 });
    const source = openSource(planned.request.source);
    for (const part of planned.plan.shards)
      for (const row of decodePlanRows(await readPart(rig.store, part), part.key)) {
        const { pixels } = await prepare(await source.read(row), engine.side);
        const expected = await engine.encode(pixels, 1);
        const found = features.get(row.imageId)!;
        expect(found).toHaveLength(engine.dimension);
        for (const [index, value] of found.entries()) expect(Math.abs(value - expected[index]!)).toBeLessThan(1e-5);
      }
    await source.close();
    await engine.close();
  }
  /** The encoder of a run gives a photo the feature that is in the run's shard. */
  async function checkRunEncoder(run: string): Promise<void> {
    const planned = await planOf(run);
    const { features } = await checkInvariants(rig.store, run);
    const [row] = decodePlanRows(await readPart(rig.store, planned.plan.shards[0]!), '');
    const photo = await openSource(planned.request.source).read(row!);
    const encoder = await openRunEncoder({ store: rig.store, run, cacheFolder: join(rig.folder, 'own'), threads: 1 });
    try {
      expect(encoder.identity).toEqual(planned.plan.encoder);
      for await (const { feature } of encoder.encode([photo])) expect(feature).toEqual(features.get(row!.imageId));
    } finally {
      await encoder.close();
    }
  }
  /** Trains a tiny captioner on a run, pulls it and captions one of its photos. */
  async function trainAndCaption(run: string): Promise<void> {
    const { record } = await trainHere(
      rig.store,
      { runs: [run], preset: 'seed', hyperparameters: { ...TINY, epochs: 1 } },
      { holder: 'test', threads: 1, resume: false },
    );
    const planned = await planOf(run);
    expect(record.encoder).toEqual(planned.plan.encoder);
    const { path } = await pullCheckpoint(rig.store, record.training, join(rig.folder, 'pulled'));
    const captioner = await loadCaptioner(path, { device: 'cpu', threads: 1 });
    try {
      const [row] = decodePlanRows(await readPart(rig.store, planned.plan.shards[0]!), '');
      const [caption] = await captioner.caption([await openSource(planned.request.source).read(row!)]);
      expect(caption).toMatchObject({ caption: expect.any(String) as string, logProbability: expect.any(Number) as number });
    } finally {
      await captioner.close();
    }
  }

  test('an encoder of the user’s own, of another side and dimension', async () => {
    const path = writeCustomEncoder(rig.folder, { side: 48, dimension: 7, gives: 'tokens' });
    const { run } = await enqueue({ weights: path, splits: ['train'] });
    const { sha256 } = await resolveWeights(path);
    const { request, plan } = await planOf(run);
    const identity = { encoder: 'tiny-conv', weightsSha256: sha256, preprocessing: 'centre-square-48-linear-v1', dimension: 7 };
    expect(request).toMatchObject(identity);
    expect(plan.encoder).toEqual({ ...identity, precision: 'float32' });
    await drain('float32');
    await checkFeatures(run);
    await trainAndCaption(run);
  }, 60_000);

  test('an int8 run is calibrated once, on its own photos', async () => {
    const request = { precision: 'int8', calibrationPhotos: 4, splits: ['train'] } as const;
    const dry = await enqueue({ ...request, dryRun: true });
    expect(dry).toMatchObject({ calibration: 'due', shards: { added: 4 } });
    expect(await rig.store.head(keys.runJson(dry.run))).toBeUndefined();

    const { run, calibration } = await enqueue(request);
    expect([run, calibration]).toEqual([dry.run, 'made']);
    const first = await planOf(run);
    const source = await resolveWeights(rig.weightsFile);
    expect(first.request).toMatchObject({ weightsSha256: source.sha256, precision: 'int8' });
    const { weightsSha256 } = first.plan.encoder;
    const body = (await rig.store.get(keys.weights(weightsSha256)))!.body;
    expect(decodeEncoderFile(body, 'calibrated')).toMatchObject({ kind: 'inception-v3-int8', int8: { source: source.sha256 } });

    // Other photos would give another encoder; a run that has one keeps it.
    expect(await enqueue({ ...request, calibrationPhotos: 3 })).toMatchObject({ existed: true, calibration: 'kept' });
    expect((await planOf(run)).plan).toEqual(first.plan);
    await drain('int8');
    await checkFeatures(run);
    await checkRunEncoder(run);
    await trainAndCaption(run);

    // So does whoever takes its features over.
    const more = { precision: 'int8', run: 'more', base: run, splits: ['train', 'test'] } as const;
    await expect(enqueue({ ...more, calibrationPhotos: 4 })).rejects.toMatchObject({ code: 'USAGE' });
    expect(await enqueue(more)).toMatchObject({ calibration: 'base', base: { samples: 17 }, shards: { added: 1 } });
    expect((await planOf('more')).plan.encoder).toEqual(first.plan.encoder);
    await drain('int8');
    await checkFeatures('more');

    await rig.store.delete(keys.weights(weightsSha256));
    await expect(enqueue({ ...more, run: 'later' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(enqueue(request)).rejects.toMatchObject({ code: 'NOT_FOUND', message: expect.stringContaining(weightsSha256) as string });
  }, 60_000);

  test('two who calibrate at once end with one plan', async () => {
    const race = [2, 4].map((calibrationPhotos) => enqueue({ precision: 'int8', calibrationPhotos, run: 'race', splits: ['train'] }));
    const reports = await Promise.all(race);
    const { plan } = await planOf('race');
    expect(new Set(reports.map(({ calibration }) => calibration))).toEqual(new Set(['kept', 'made']));
    expect(await rig.store.head(keys.weights(plan.encoder.weightsSha256))).toBeDefined();
    await drain('int8');
    await checkFeatures('race');
  }, 60_000);

  test('photos of a folder in place of the run’s own', async () => {
    const photos = join(rig.folder, 'photos');
    mkdirSync(join(photos, 'below'), { recursive: true });
    writeFileSync(join(photos, 'notes.txt'), 'no photo');
    const options = { precision: 'int8', calibration: photos } as const;
    await expect(enqueue({ ...options, run: 'empty' })).rejects.toMatchObject({ code: 'EMPTY_DATASET' });
    const reader = openSource({ kind: 'synthetic', url: 'synthetic:24' });
    const { plan } = await planOf((await enqueue({ precision: 'int8', calibrationPhotos: 2, run: 'own', splits: ['train'] })).run);
    const rows = decodePlanRows(await readPart(rig.store, plan.shards[0]!), '');
    for (const [index, row] of rows.entries()) writeFileSync(join(photos, 'below', `${index}`), await reader.read(row));
    const { run } = await enqueue({ ...options, run: 'foreign', splits: ['train'] });
    const other = (await planOf(run)).plan.encoder;
    expect(other).toMatchObject({ precision: 'int8', dimension: plan.encoder.dimension });
    expect(other.weightsSha256).not.toBe(plan.encoder.weightsSha256);
  }, 60_000);

  test.each<[string, Partial<EnqueueRequest>, string, string]>([
    ['calibration of float32', { calibration: 'photos' }, 'USAGE', 'Expected --precision int8 with --calibration but received float32'],
    ['a folder that is not there', { precision: 'int8', calibration: 'absent' }, 'NOT_FOUND', 'There is no folder absent'],
  ])('%s is refused before anything is done', async (_name, request, code, message) => {
    await expect(enqueue({ ...request, run: 'never' })).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message) as string,
    });
    expect(await rig.store.head(keys.runJson('never'))).toBeUndefined();
  });

  test('an encoder of the user’s own has the precision it was saved in', async () => {
    const weights = writeCustomEncoder(rig.folder);
    await expect(enqueue({ weights, precision: 'int8' })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: 'Expected precision float32 for the encoder tiny-conv but received int8',
    });
  });
});
