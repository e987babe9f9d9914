import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeCaptionColumns } from '@showtell/shared/arrow/caption-rows';
import { readPart } from '@showtell/shared/commit';
import { readPlannedRun } from '@showtell/shared/planned-run';
import { type CocoAnnotations, type FixtureSplit, writeCocoFixture } from '../../../packages/ingest/test/coco-fixture';
import { checkInvariants } from '../invariants';
import type { PipelineRig } from '../pipeline-rig';
import { describeFault, type Place } from './fault';

type Edit = (annotations: CocoAnnotations) => unknown;

const SPLIT: FixtureSplit = { name: 'train2017', photos: 6 };
const ANNOTATIONS = 'annotations/captions_train2017.json';

interface Enqueued {
  readonly rig: PipelineRig;
  readonly code: number | null;
  readonly said: string;
}

/** `showtell enqueue` of a COCO folder, as an operator types it. */
async function enqueue(
  place: Place,
  edit: Edit,
  { split = SPLIT, args = [] as string[], spoil = (json: Buffer) => json } = {},
): Promise<Enqueued> {
  const rig = await place.rig();
  const { folder } = await writeCocoFixture(join(rig.folder, 'coco'), [split], {
    edit: (annotations) => edit(annotations) ?? annotations,
  });
  const path = join(folder, ANNOTATIONS);
  writeFileSync(path, spoil(readFileSync(path)));
  const program = place.showtell(rig, ['enqueue', folder, '--run', 'bad', '--weights', rig.weightsFile, '--shard-rows', '4', ...args]);
  const { code } = await program.exit;
  return { rig, code, said: program.said() };
}

async function keysOf({ store }: PipelineRig): Promise<string[]> {
  const found: string[] = [];
  for await (const { key } of store.list('runs/')) found.push(key);
  return found;
}

/** It was refused before anything was written of it, and one message names the file and more. */
async function expectRefused({ rig, code, said }: Enqueued, error: string, ...words: (string | RegExp)[]): Promise<void> {
  expect(said).toMatch(new RegExp(`^${error}: `, 'm'));
  for (const word of words) expect(said).toMatch(word);
  expect(code).toBe(3);
  expect(await keysOf(rig)).toEqual([]);
}

async function complete({ rig, code, said }: Enqueued) {
  expect([code, said]).toEqual([0, expect.any(String)]);
  await rig.drain();
  const checked = await checkInvariants(rig.store, 'bad');
  const { plan } = (await readPlannedRun(rig.store, 'bad'))!;
  const [part] = plan.captions;
  const columns = decodeCaptionColumns(await readPart(rig.store, part!), part!.key);
  const captions = Array.from({ length: columns.rows }, (_, row) => [columns.imageId(row), columns.caption(row)]);
  return { ...checked, findings: plan.findings, captions };
}

describeFault(31, 'duplicate ids, and one id of two files', {}, (place) => {
  test('exact duplicates are dropped and counted, two ids of one file are one sample', async () => {
    const enqueued = await enqueue(place, ({ images, annotations }) => {
      images.push({ ...images[0]! }, { ...images[1]!, id: 77 });
      annotations.push({ ...annotations[0]! }, { ...annotations[1]! }, { id: 9_999, image_id: 77, caption: 'Of the other id.' });
    });
    const { features, findings, captions } = await complete(enqueued);
    expect(findings).toMatchObject({ duplicateImages: 2, duplicateCaptions: 2, captionsWithoutImage: { count: 0 } });
    expect(enqueued.said).toContain('2 duplicate images left out');
    expect(enqueued.said).toContain('2 duplicate captions left out');
    expect([features.size, captions.length]).toEqual([6, 13]);
    expect(captions).toContainEqual(['1001', 'Of the other id.']);
  });

  test.each<[string, Edit, RegExp[]]>([
    [
      'one image id of two files',
      ({ images }) => void images.push({ ...images[3]!, file_name: '000000001005.jpg' }),
      [/images\[6\]/, /1003/, /000000001003\.jpg/, /000000001005\.jpg/],
    ],
    [
      'one caption id of two captions',
      ({ annotations }) => void annotations.push({ ...annotations[5]!, caption: 'Something else.' }),
      [/annotations\[12\]/, /10021/],
    ],
  ])('%s is refused, with file and record', async (_what, edit, words) => {
    await expectRefused(await enqueue(place, edit), 'ID_CONFLICT', ANNOTATIONS, ...words);
  });
});

const GAPS: Edit = ({ images, annotations }) => {
  images.push({ id: 50, file_name: 'not-there.jpg' });
  annotations.push({ id: 1, image_id: 4_242, caption: 'Of nothing.' }, { id: 2, image_id: 4_242, caption: 'Of nothing, again.' });
  annotations.splice(0, 2);
};

describeFault(32, 'captions without image, images without caption', {}, (place) => {
  test('are counted and listed', async () => {
    const enqueued = await enqueue(place, GAPS);
    const { features, findings } = await complete(enqueued);
    expect(findings).toMatchObject({
      captionsWithoutImage: { count: 2, examples: ['image 4242'] },
      imagesWithoutCaption: { count: 1, examples: ['train2017/000000001000.jpg'] },
      imagesMissing: { count: 1, examples: ['train2017/not-there.jpg'] },
    });
    for (const line of ['2 captions without image, such as image 4242', '1 image without caption', '1 listed image not in the source'])
      expect(enqueued.said).toContain(line);
    expect(features.size).toBe(6);
  });

  test('are refused with --strict', async () => {
    const words = [/2 captions without image .*4242/, /1 image without caption .*1000\.jpg/, /1 photo listed but not there .*not-there/];
    await expectRefused(await enqueue(place, GAPS, { args: ['--strict'] }), 'STRICT', ...words);
  });
});

const ODD: Record<string, string> = {
  empty: '',
  spaces: ' \t\n\u00a0\u3000',
  nul: 'A dog\0.',
  long: 'x'.repeat(10_000_000),
};
const KEPT = {
  emoji: 'A 🐕‍🦺 at the 🏖️',
  rtl: '\u202bكلب\u202c في الحديقة',
  decomposed: 'A cafe\u0301 — 한',
  longest: `${'word '.repeat(1_999)}words`,
};

describeFault(33, 'captions of all kinds, and annotations that are broken', {}, (place) => {
  test('what is a caption is kept, composed; what is none is left out, counted, and its record named', async () => {
    const enqueued = await enqueue(place, ({ annotations }) => {
      for (const [index, caption] of [...Object.values(ODD), 'half of \ud83d', ...Object.values(KEPT)].entries())
        annotations.push({ id: index + 1, image_id: 1_002, caption });
    });
    const { features, findings, captions } = await complete(enqueued);
    const { count, examples } = findings.captionsRejected;
    expect(count).toBe(5);
    for (const [index, problem] of ['expected words', 'expected words', 'NUL', 'received 10000000', 'surrogate'].entries())
      expect(examples[index]).toMatch(new RegExp(`^${ANNOTATIONS}: annotations\\[${12 + index}\\]: .*${problem}`));
    expect(captions.filter(([id]) => id === '1002').map(([, caption]) => caption)).toEqual([
      'A blue disc, told 1 times.',
      'A blue disc, told 2 times.',
      ...Object.values(KEPT).map((caption) => caption.normalize('NFC')),
    ]);
    expect(features.size).toBe(6);
  });

  test.each<[string, (json: Buffer) => Buffer, RegExp]>([
    ['cut off near its end', (json) => json.subarray(0, -30), /line 1, column \d+/],
    ['with a comma too many', (json) => Buffer.from(json.toString().replace('"annotations":[', '"annotations":[,')), /line 1, column \d+/],
    ['followed by another', (json) => Buffer.concat([json, json]), /line 1, column \d+/],
    ['in Latin-1', (json) => Buffer.from(json.toString().replace('drawn', 'é'), 'latin1'), /UTF-8.*line 1/],
    ['in UTF-16', (json) => Buffer.concat([Buffer.of(0xff, 0xfe), Buffer.from(json.toString(), 'utf16le')]), /UTF-16/],
    [
      'with a text that has no end',
      (json) => Buffer.concat([json.subarray(0, -4), Buffer.alloc(40_000_000, 'x')]),
      /at most 33554432 characters/,
    ],
    [
      'with lists without end',
      (json) => Buffer.concat([json.subarray(0, -1), Buffer.from(',"more":'), Buffer.alloc(9_000_000, '[')]),
      /at most 1000 lists/,
    ],
    ['of nothing', () => Buffer.alloc(0), /line 1, column 1/],
    [
      'with a record that has no id',
      (json) => Buffer.from(json.toString().replace('{"id":1004,', '{')),
      /images\[4\]: Expected an integer or text for id/,
    ],
  ])('annotations %s: nothing is planned', async (_what, spoil, place_) => {
    await expectRefused(await enqueue(place, () => undefined, { spoil }), 'BROKEN_ANNOTATIONS', ANNOTATIONS, place_);
  });
});
