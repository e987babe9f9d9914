import { copyFile, mkdtemp, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { changeControl } from '@showtell/ingest/admin/change-control';
import { runStatus } from '@showtell/ingest/admin/status';
import { unfinishedRuns } from '@showtell/ingest/admin/unfinished-runs';
import { type RunUser, usersOfRun } from '@showtell/ingest/gc/users';
import { decodeCaptionRows } from '@showtell/shared/arrow/caption-rows';
import { readPart } from '@showtell/shared/commit';
import { keys } from '@showtell/shared/keys';
import { newestManifest } from '@showtell/shared/manifests';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { readPlannedRun } from '@showtell/shared/planned-run';
import { openModel } from '@showtell/trainer/checkpoint/open-model';
import { evaluateModel } from '@showtell/trainer/evaluate-model';
import { trainHere } from '@showtell/trainer/train/train-here';
import { type CocoAnnotations, writeCocoFixture } from '../../packages/ingest/test/coco-fixture';
import { TINY } from '../../packages/trainer/test/tiny-run';
import { checkInvariants } from './invariants';
import { type PipelineRig, pipelineRig } from './pipeline-rig';
import { describeRedis, type RedisServer, startRedisServer } from './redis-server';

describeRedis('a run with a base', () => {
  let server: RedisServer;
  let rig: PipelineRig;
  let folder: string;
  beforeAll(async () => {
    server = await startRedisServer();
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'showtell-base-'));
    rig = await pipelineRig(server.url);
  });
  afterEach(async () => {
    await rig.close();
    await rm(folder, { recursive: true });
  });

  const encode = async (dataset: string, run: string, base?: string) => {
    const report = await rig.enqueue({ dataset, run, ...(base !== undefined && { base }) });
    await rig.drain();
    expect(await runStatus(rig.store, undefined, run)).toMatchObject({ state: 'complete' });
    return report;
  };
  const captionsOf = async (run: string) => {
    const { manifest } = await newestManifest(rig.store, run);
    const rows = await Promise.all(
      manifest.captions.map(async (part) => [part.split, decodeCaptionRows(await readPart(rig.store, part), part.key)] as const),
    );
    return Object.fromEntries(rows);
  };
  const splitOf = async (run: string) => {
    const { manifest } = await newestManifest(rig.store, run);
    return Object.fromEntries(manifest.splits.map(({ split, rows, rejected }) => [split, [rows, rejected]]));
  };
  /** The same images with the same features, whichever run encoded them and in whichever batch. */
  async function expectSameRows(run: string, fresh: string): Promise<void> {
    const [found, expected] = [await checkInvariants(rig.store, run), await checkInvariants(rig.store, fresh)];
    expect([...found.features.keys()].sort()).toEqual([...expected.features.keys()].sort());
    expect(found.rejected).toEqual(expected.rejected);
    for (const [id, feature] of expected.features)
      for (const [index, value] of found.features.get(id)!.entries()) expect(Math.abs(value - feature[index]!)).toBeLessThan(1e-5);
    expect(await splitOf(run)).toEqual(await splitOf(fresh));
    expect(await captionsOf(run)).toEqual(await captionsOf(fresh));
  }
  const editAnnotations = async (split: string, edit: (annotations: CocoAnnotations) => void) => {
    const path = join(folder, 'annotations', `captions_${split}.json`);
    const annotations = JSON.parse(await readFile(path, 'utf8')) as CocoAnnotations;
    edit(annotations);
    await writeFile(path, JSON.stringify(annotations));
  };
  const photo = (split: string, id: number) => join(folder, split, `${String(id).padStart(12, '0')}.jpg`);

  /** Of 20 and 9 photos: two are new, one is gone, one is another picture now, one has moved to another split, one has another caption. */
  async function change(): Promise<void> {
    const more = await mkdtemp(join(tmpdir(), 'showtell-base-more-'));
    await writeCocoFixture(more, [
      { name: 'train2017', photos: 22 },
      { name: 'val2017', photos: 9 },
    ]);
    for (const id of [1020, 1021]) await copyFile(photo('train2017', id).replace(folder, more), photo('train2017', id));
    await copyFile(photo('train2017', 1021), photo('train2017', 1005));
    await utimes(photo('train2017', 1005), 1, 1);
    await rename(photo('train2017', 1009), photo('val2017', 1009));
    await rm(photo('train2017', 1012));
    const grown = JSON.parse(await readFile(join(more, 'annotations', 'captions_train2017.json'), 'utf8')) as CocoAnnotations;
    const isMoved = (record: Record<string, unknown>) => record['image_id'] === 1009 || record['id'] === 1009;
    await editAnnotations('val2017', ({ images, annotations }) => {
      images.push(...grown.images.filter(isMoved));
      annotations.push(...grown.annotations.filter(isMoved));
    });
    await editAnnotations('train2017', (annotations) => {
      annotations.images = grown.images.filter((record) => !isMoved(record));
      annotations.annotations = grown.annotations.filter((record) => !isMoved(record));
      annotations.annotations[0]!['caption'] = 'Quite another caption.';
    });
    await rm(more, { recursive: true });
  }

  test('takes over what has not changed, and holds the same rows as a run of the whole', async () => {
    await writeCocoFixture(folder, [
      { name: 'train2017', photos: 20, bad: ['truncated', 'not-an-image'] },
      { name: 'val2017', photos: 9 },
    ]);
    expect(await encode(folder, 'first')).not.toHaveProperty('base');
    const before = await newestManifest(rig.store, 'first');
    await change();

    const second = await encode(folder, 'second', 'first');
    // Of 27 features of the first run one is gone, one has changed, one has moved; the two that were rejected are tried again.
    expect(second).toMatchObject({
      base: { run: 'first', manifest: 1, samples: 24, shards: 5 },
      samples: { planned: 6 },
      shards: { planned: 2, added: 2 },
      splits: [
        { split: 'train', samples: 20, takenOver: 15, captions: 40, shards: 1 },
        { split: 'val', samples: 10, takenOver: 9, shards: 1 },
      ],
    });
    await encode(folder, 'fresh');
    await expectSameRows('second', 'fresh');
    const { manifest } = await newestManifest(rig.store, 'second');
    expect(manifest.shards.map(({ run, shard, dropped }) => ({ run, shard, dropped }))).toEqual([
      { run: 'first', shard: 0, dropped: ['1005'] },
      { run: 'first', shard: 1, dropped: ['1009', '1012'] },
      { run: 'first', shard: 2, dropped: undefined },
      { run: 'first', shard: 3, dropped: undefined },
      { run: 'first', shard: 4, dropped: undefined },
      { run: undefined, shard: 0, dropped: undefined },
      { run: undefined, shard: 1, dropped: undefined },
    ]);
    expect(await runStatus(rig.store, undefined, 'second')).toMatchObject({
      samples: { planned: 30, committed: 28, rejected: 2, takenOver: 24 },
      splits: [
        { split: 'train', planned: 20, committed: 18, rejected: 2 },
        { split: 'val', planned: 10, committed: 10, rejected: 0 },
      ],
      report: { images: 4, takenOver: 24, rejected: { TRUNCATED: 1, UNSUPPORTED_FORMAT: 1 } },
    });
    // Enqueued again it is the run that it was, whatever became of its base.
    expect(await rig.enqueue({ dataset: folder, run: 'second', base: 'first' })).toMatchObject({
      existed: true,
      base: { samples: 24 },
      shards: { planned: 2, committed: 2, added: 0 },
    });
    await expect(rig.enqueue({ dataset: folder, run: 'second' })).rejects.toMatchObject({
      code: 'RUN_EXISTS',
      message: expect.stringContaining('base: the run has "first", asked for none') as string,
    });

    // A base may have one itself, and there may be nothing new.
    await encode(folder, 'third', 'second');
    await rm(photo('train2017', 1003));
    const fourth = await encode(folder, 'fourth', 'third');
    expect(fourth).toMatchObject({ base: { run: 'third', samples: 27 }, samples: { planned: 2 }, shards: { planned: 1 } });
    await encode(folder, 'fresh-4');
    await expectSameRows('fourth', 'fresh-4');
    expect((await newestManifest(rig.store, 'fourth')).manifest.shards.map(({ run }) => run)).toEqual([
      ...Array<string>(5).fill('first'),
      ...Array<string>(2).fill('second'),
      undefined,
    ]);
    expect(await newestManifest(rig.store, 'first')).toEqual(before);
  }, 90_000);

  test('completes with the shards of its base alone where nothing is new, and is trained on and evaluated like any other', async () => {
    await encode('synthetic:40', 'small');
    expect(await encode('synthetic:40', 'same', 'small')).toMatchObject({ shards: { planned: 0 }, base: { samples: 30 } });
    expect(await unfinishedRuns(rig.store)).toEqual([]);
    expect((await newestManifest(rig.store, 'same')).manifest.shards.every(({ run }) => run === 'small')).toBe(true);
    await expectSameRows('same', 'small');

    const model = async (run: string) => {
      const request = { runs: [run], preset: 'seed', training: run, hyperparameters: TINY, trainSplits: [{ split: 'train' }] };
      const { record } = await trainHere(rig.store, request, { holder: 'test', threads: 1, resume: false });
      return openModel(rig.store, record.training);
    };
    const scores = async (run: string) => {
      const { metrics, captioned } = await evaluateModel(rig.store, await model(run), { run, split: 'train', resamples: 10, threads: 1 });
      return { metrics, captions: captioned.map(({ imageId, caption }) => ({ imageId, caption })) };
    };
    expect(await scores('same')).toEqual(await scores('small'));
  }, 60_000);

  test('is refused while its base is being removed, which in turn sees whoever has claimed a name', async () => {
    await encode('synthetic:40', 'small');
    const { key } = await newestManifest(rig.store, 'small');
    const seen: RunUser[][] = [];
    /** Does what somebody else does before the name is claimed, and looks who uses the base then, as who removes it does. */
    const beside = (act: () => Promise<unknown>) =>
      new Proxy<ObjectStore>(rig.store, {
        get(target, name) {
          const value: unknown = Reflect.get(target, name);
          if (typeof value !== 'function') return value;
          return name === 'putIfAbsent'
            ? async (...args: Parameters<ObjectStore['putIfAbsent']>) => {
                if (args[0] !== keys.runJson('late')) return target.putIfAbsent(...args);
                await act();
                const claimed = await target.putIfAbsent(...args);
                seen.push(await usersOfRun(target, 'small'));
                return claimed;
              }
            : (value.bind(target) as unknown);
        },
      });
    const late = (act: () => Promise<unknown>) => rig.enqueue({ dataset: 'synthetic:40', run: 'late', base: 'small', store: beside(act) });

    const cancel = () => changeControl(rig.store, 'small', (record) => ({ ...record, state: 'cancelled' }));
    await expect(late(cancel)).rejects.toMatchObject({ code: 'USAGE', message: expect.stringContaining('small is cancelled') as string });
    const goOn = () => changeControl(rig.store, 'small', (record) => ({ ...record, state: 'running' }));
    await goOn();
    const manifest = (await rig.store.get(key))!.body;
    await expect(late(() => rig.store.delete(key))).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining(key) as string,
    });
    expect(await readPlannedRun(rig.store, 'late')).toBeUndefined();
    await rig.store.put(key, manifest);
    expect(await late(async () => {})).toMatchObject({ base: { samples: 30 } });
    expect(seen).toEqual([1, 2, 3].map(() => [{ kind: 'run', name: 'late', aliases: [] }]));
  });

  test('is refused with a base that is not there, not complete, itself, of another encoder, or damaged', async () => {
    const refused = (options: Parameters<PipelineRig['enqueue']>[0], code: string, message: string) =>
      expect(rig.enqueue({ run: 'other', base: 'half', ...options })).rejects.toMatchObject({
        code,
        message: expect.stringMatching(message) as string,
      });
    await refused({ base: 'nothing' }, 'NOT_FOUND', 'No run "nothing"');
    await rig.enqueue({ run: 'half' });
    await refused({}, 'MISSING_SHARDS', '5 of 5 shards are missing');
    await refused({ run: 'half-2', base: 'half-2' }, 'USAGE', 'another run than half-2 itself');
    await rig.drain();
    const weights = { encoder: 'e', preprocessing: 'p', spec: 's', sha256: 'f'.repeat(64), dimension: 8, put: async () => {} };
    await refused({ weights }, 'MIXED_ENCODER', `inception-v3.*but received.*"e".*${'f'.repeat(64)}`);
    await refused({ precision: 'int8' }, 'MIXED_ENCODER', '"float32".*but received.*"int8"');
    const { key } = (await newestManifest(rig.store, 'half')).manifest.shards[1]!;
    await rig.store.delete(key);
    await refused({}, 'CORRUPT_SHARD', `${key}.* found nothing`);
    expect(await readPlannedRun(rig.store, 'other')).toBeUndefined();
    expect(await rig.store.head(keys.runJson('other'))).toBeUndefined();
  });
});
