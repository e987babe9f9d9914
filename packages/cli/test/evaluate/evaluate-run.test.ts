import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { encodePlanRows } from '@showtell/shared/arrow/plan-rows';
import { sha256 } from '@showtell/shared/hash';
import { keys } from '@showtell/shared/keys';
import { FileStore } from '@showtell/shared/object-store/file';
import { PLAN_FORMAT, type PlanRecord, type PlanRow } from '@showtell/shared/schema/plan';
import { encodeRecord } from '@showtell/shared/schema/record';
import { RUN_FORMAT, type RunRecord } from '@showtell/shared/schema/run';
import { decodeScoresFile } from '@showtell/trainer/evaluation/evaluation-files';
import { freezeTraining } from '@showtell/trainer/train/freeze';
import { train } from '@showtell/trainer/train/train';
import { NO_FINDINGS } from '../../../shared/test/no-findings';
import { ENCODER, TINY, writeTinyRun } from '../../../trainer/test/tiny-run';
import type { CommandContext } from '../../src/context';
import { writeCurves } from '../../src/curves/write-curves';
import { compare } from '../../src/evaluate/compare-models';
import { evaluateRun } from '../../src/evaluate/evaluate-run';
import { GREY_PICTURE } from '../../src/grey-picture';
import { expectOneMessage, runProgram } from '../run-program';

const folder = mkdtempSync(join(tmpdir(), 'showtell-evaluate-'));
const at = (...names: string[]) => join(folder, ...names);
const store = new FileStore(at('store'));
const context = { store, signal: new AbortController().signal } as unknown as CommandContext;
const request = { run: 'tiny', split: 'val', decoding: {}, anyPrecision: false, threads: 1, json: false };

beforeAll(async () => {
  await writeTinyRun(store);
  for (const [training, epochs] of [
    ['good', 15],
    ['poor', 1],
  ] as const) {
    await freezeTraining(store, { runs: ['tiny'], preset: 'seed', training, hyperparameters: { ...TINY, epochs } });
    await train(store, training, { holder: training, threads: 1 });
  }
});
afterAll(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

/** What was printed meanwhile. */
async function printed(work: () => Promise<void>): Promise<{ stdout: string; stderr: string }> {
  const said = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    jest.spyOn(process[name], 'write').mockImplementation((text) => {
      said[name] += stripVTControlCharacters(String(text));
      return true;
    }),
  );
  try {
    await work();
    return said;
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

/** The plan of the run's third shard, whose photos lie in a folder; the second of them is gone. */
async function writePlan(source: FileStore): Promise<void> {
  const rows: PlanRow[] = [];
  for (let image = 100; image < 112; image++) {
    const sourceKey = `val/${image}.png`;
    const { etag } = await source.put(sourceKey, GREY_PICTURE);
    if (image === 101) await source.delete(sourceKey);
    const row = { imageId: String(image), fileName: `${image}.png`, sourceKey, etag, bytes: GREY_PICTURE.length };
    rows.push({ ...row, licence: '', url: '' });
  }
  const body = encodePlanRows(rows);
  const key = keys.planPart('tiny', 2, sha256(body));
  await store.put(key, body);
  const part = { key, bytes: body.length, sha256: sha256(body), split: 'val', rows: 12 };
  const run: RunRecord = {
    formatVersion: RUN_FORMAT,
    run: 'tiny',
    source: { kind: 'coco', url: source.url },
    splits: [],
    encoder: ENCODER.encoder,
    weights: 'bundled',
    weightsSha256: ENCODER.weightsSha256,
    dimension: ENCODER.dimension,
    preprocessing: ENCODER.preprocessing,
    precision: 'float32',
    shardRows: 20,
    microBatch: 8,
    strict: false,
  };
  const plan: PlanRecord = {
    formatVersion: PLAN_FORMAT,
    run: 'tiny',
    encoder: ENCODER,
    microBatch: 8,
    splits: [],
    shards: [0, 1, 2].map((shard) => ({ shard, ...part })),
    captions: [],
    findings: NO_FINDINGS,
    runSha256: sha256(encodeRecord(run)),
  };
  await store.put(keys.runJson('tiny'), encodeRecord(run));
  await store.put(keys.plan('tiny'), encodeRecord(plan));
}

test('without a plan the page comes without pictures, and says so', async () => {
  const { stdout, stderr } = await printed(() => evaluateRun(context, { ...request, model: 'good', out: at('bare') }));
  expect(stdout).toMatch(/^good \(step 135\) on split val of tiny: 12 images, greedy\n/);
  expect(stdout).toMatch(/CIDEr +[2-9]\.\d{4} +\d\.\d{4} to \d\.\d{4}\n/);
  expect(stdout).toContain('Best by CIDEr');
  expect(stderr).toMatch(/gallery\.html lacks pictures: run tiny has no plan/);
  expect(readdirSync(at('bare')).sort()).toEqual(['gallery.html', 'results.json', 'scores.json']);
  const results = JSON.parse(readFileSync(at('bare', 'results.json'), 'utf8')) as { image_id: number; caption: string }[];
  expect(results).toHaveLength(12);
  expect(results[0]).toEqual({ image_id: 100, caption: expect.stringMatching(/^a \w+ on the \w+/) });
  expect(readFileSync(at('bare', 'gallery.html'), 'utf8')).toContain('There are no pictures: run tiny has no plan');
});

test('photos come from the source and lie beside the page; one that is gone is told', async () => {
  const source = new FileStore(at('photos'));
  await writePlan(source);
  await source.close();
  const { stderr } = await printed(() => evaluateRun(context, { ...request, model: 'good', out: at('full') }));
  expect(stderr).toMatch(/gallery\.html lacks pictures: photo 101: Expected a photo at val\/101\.png but there is none/);
  const page = readFileSync(at('full', 'gallery.html'), 'utf8');
  const shown = [...page.matchAll(/<img src="([^"]+)"/g)].map(([, address]) => address!);
  expect(shown).toHaveLength(11);
  for (const address of shown) expect(readFileSync(at('full', address)).subarray(0, 2)).toEqual(Buffer.of(0xff, 0xd8));
  expect(readdirSync(at('full', 'photos'))).toHaveLength(11);
  expect(page).toContain('<div class="absent">image 101</div>');

  rmSync(at('photos'), { recursive: true });
  const away = await printed(() => evaluateRun(context, { ...request, model: 'good', out: at('away') }));
  expect(away.stderr).toMatch(/gallery\.html lacks pictures/);
  expect(existsSync(at('away', 'photos'))).toBe(false);
});

test('two models: evaluated now, and before; JSON and text tell the same', async () => {
  await printed(() => evaluateRun(context, { ...request, model: 'poor', out: at('poor') }));
  const files = await printed(() => compare(context, { ...request, run: undefined, models: [at('poor'), at('bare', 'scores.json')] }));
  expect(files.stdout).toMatch(/CIDEr +\d\.\d{4} +\d\.\d{4} +\+\d\.\d{4} +\d\.\d{4} to \d\.\d{4} +0\.\d{4}\n/);
  expect(files.stdout).toMatch(/B gains most/);
  const { stdout } = await printed(() => compare(context, { ...request, models: ['poor', 'good'], json: true }));
  const comparison = JSON.parse(stdout) as { metrics: Record<string, { first: number; low: number; p: number }>; images: unknown[] };
  expect(comparison.metrics['CIDEr']!.low).toBeGreaterThan(0);
  expect(comparison.metrics['CIDEr']!.first).toBe(decodeScoresFile(readFileSync(at('poor', 'scores.json')), '').metrics.CIDEr);
  expect(comparison.images).toHaveLength(12);
});

test('curves: lines, page and event files, again and again into one folder', async () => {
  const out = at('curves');
  for (const trainings of [['good'], ['good', 'poor', 'good']]) await printed(() => writeCurves(context, { trainings, out, json: false }));
  const lines = readFileSync(join(out, 'metrics.jsonl'), 'utf8').trim().split('\n');
  const of = (name: string) =>
    lines.map((line) => JSON.parse(line) as { training: string; event: string; step: number }).filter(({ training }) => training === name);
  expect(
    of('good')
      .filter(({ event }) => event === 'step')
      .map(({ step }) => step),
  ).toEqual(Array.from({ length: 135 }, (_, index) => index + 1));
  expect(of('poor').filter(({ event }) => event === 'epoch')).toHaveLength(1);
  expect(readFileSync(join(out, 'curves.html'), 'utf8')).toContain('Curves of 2 trainings');
  expect(readdirSync(join(out, 'tensorboard')).sort()).toEqual(['good', 'poor']);
  const { stdout } = await printed(() => writeCurves(context, { trainings: ['poor'], out, json: true }));
  expect(stdout.trim().split('\n')).toHaveLength(10);
});

describe('the program', () => {
  const run = (...args: string[]) => runProgram([...args, '--store', pathToFileURL(at('store')).href], { cwd: folder });

  test('evaluates, with the flags of decoding', async () => {
    const { code, stdout } = await run('evaluate', 'good@best', '--run', 'tiny', '--beam', '2', '--threads', '1', '--json');
    expect(code).toBe(0);
    expect(decodeScoresFile(Buffer.from(stdout), 'stdout')).toMatchObject({
      model: 'good@best',
      decoding: { beam: 2 },
      captions: { captions: 12 },
    });
  });

  test.each([
    ['an unknown model', ['evaluate', 'absent', '--run', 'tiny'], 'NOT_FOUND', /absent.*there are: good, poor/],
    ['an unknown run', ['evaluate', 'good', '--run', 'absent'], 'NOT_FOUND', /absent/],
    ['an unknown split', ['evaluate', 'good', '--run', 'tiny', '--split', 'tset'], 'NOT_FOUND', /tset.*train, val/],
    ['no run', ['evaluate', 'good'], 'USAGE', /--run/],
    ['no run to compare on', ['compare', 'good', 'poor'], 'USAGE', /--run for the model good/],
    // Before anything is captioned.
    ['a folder that is not empty', ['evaluate', 'good', '--run', 'tiny', '--out', 'store'], 'USAGE', /store is not empty/],
    ['a second model that is none', ['compare', 'good', 'absent', '--run', 'tiny'], 'NOT_FOUND', /"absent"/],
    ['a file that is none', ['compare', 'note.json', 'note.json'], 'USAGE', /Expected a scores\.json .*note\.json/],
    ['no such training', ['curves', 'absent'], 'NOT_FOUND', /absent/],
    ['a file in place of the folder', ['curves', 'good', '--out', 'note.json'], 'FILE_DENIED', /Cannot write the curves to .*note\.json/],
  ])('%s', async (_what, args, code, message) => {
    writeFileSync(at('note.json'), '{}');
    const { stdout, stderr } = await run(...args);
    expect(stdout).toBe('');
    expectOneMessage(stderr, code);
    expect(stderr).toMatch(message);
  });
});
