import { showSample } from '@showtell/ingest/admin/show-sample';
import { openDataset } from '@showtell/ingest/source/open';
import { readPart } from '@showtell/shared/commit';
import { openStore } from '@showtell/shared/object-store/open';
import { readCommit, readPlannedRun } from '@showtell/shared/planned-run';
import { tableFromIPC } from 'apache-arrow';
import { checkInvariants } from '../invariants';
import type { PipelineRig } from '../pipeline-rig';
import { describeFault, type Place } from './fault';
import { noise } from './photo-folder';

/** Five folders and a file. S3 takes 1,024 bytes at most, its prefix counted. */
const deep = (bytes: number) =>
  `${Array.from({ length: 5 }, (_, index) => `${index}${'ü'.repeat(Math.floor(bytes / 12))}`).join('/')}/x.jpg`;

const names = (kind: Place['kind']) => [
  'with space.jpg',
  ' begins and ends .jpg ',
  '100%.jpg',
  '%41.jpg',
  '%2e%2e%2fescaped.jpg',
  'A.jpg',
  'a.jpg',
  '#hash.jpg',
  'q?x=1&y=2+3.jpg',
  'caf\u00e9.jpg',
  'cafe\u0301.jpg',
  'CAF\u00c9.jpg',
  '写真.jpg',
  '🐻‍❄️.jpg',
  '\u202egpj.bidi',
  'back\\slash.jpg',
  'it\'s "so"; $(rm -rf) `x` | y > z.jpg',
  'line\nbreak.jpg',
  '..jpg',
  '...',
  'CON',
  'runs/names/plan.json',
  'many words, '.repeat(15),
  // versitygw lists keys as XML, which has no place for this one.
  ...(kind === 'file' ? ['\u001b[2Jescape.jpg', deep(1_200)] : [deep(960)]),
];

/** Puts photos and their captions where the rig's own objects lie, beside them. */
async function writeDataset(place: Place, rig: PipelineRig, listed: readonly string[], there: readonly string[]): Promise<string> {
  const url = `${rig.settings.store}-photos`;
  const source = openStore(url, { endpoint: place.s3?.endpoint });
  try {
    for (const [index, name] of there.entries())
      await source.put(
        name,
        await noise(40 + index, 50, index)
          .jpeg()
          .toBuffer(),
      );
    const lines = listed.map((name) => `${JSON.stringify({ file_name: name, text: 'A photo.' })}\n`);
    await source.put('captions.jsonl', Buffer.from(lines.join('')));
  } finally {
    await source.close();
  }
  return url;
}

const OURS =
  /^(?:pixel-key|probe\/[a-z-]+|runs\/names\/(?:run|plan)\.json|runs\/names\/(?:plan|shards)\/\d{5}-[0-9a-f]{12}\.arrow|runs\/names\/captions\/train-[0-9a-f]{12}\.arrow|runs\/names\/(?:commits|manifests|reports)\/\d+(?:-[0-9a-f]{12})?\.json|weights\/[0-9a-f]{64})$/;

describeFault(34, 'odd names of photos', { stores: ['file', 's3'] }, (place) => {
  test('keys are made by us, and names come back as they were', async () => {
    const rig = await place.rig();
    const all = names(place.kind);
    const url = await writeDataset(place, rig, all, all);
    const endpoint = place.s3 ? { endpoint: place.s3.endpoint } : {};
    const { run } = await rig.enqueue({ source: await openDataset(url, endpoint), splits: [], run: 'names' });
    await rig.drain();
    const { features, rejected } = await checkInvariants(rig.store, run);
    expect([features.size, [...rejected]]).toEqual([all.length, []]);
    const { plan } = (await readPlannedRun(rig.store, run))!;
    const found: string[] = [];
    for (const { shard } of plan.shards) {
      const body = tableFromIPC(await readPart(rig.store, (await readCommit(rig.store, run, shard))!));
      found.push(...Array.from(body.getChild('file_name')!, String));
    }
    const longest = Math.max(...all.map((name) => Buffer.byteLength(name)));
    expect(longest).toBeGreaterThan(place.kind === 'file' ? 1_000 : 800);
    expect(found.sort()).toEqual(all.toSorted());
    for (const name of all)
      expect((await showSample(rig.store, { run, image: name })).planned).toMatchObject({ fileName: name, sourceKey: name });
    for await (const { key } of rig.store.list('')) expect(key).toMatch(OURS);
  });

  test.each(['../outside.jpg', 'in/../../outside.jpg', '/etc/hostname', '..\\outside.jpg', 'C:\\x.jpg', 'nul\0.jpg', ''])(
    '%j, which leads elsewhere or nowhere, is refused with its place, and nothing is planned',
    async (name) => {
      const rig = await place.rig();
      const url = await writeDataset(place, rig, ['sound.jpg', name], ['sound.jpg']);
      const endpoint = place.s3 ? { endpoint: place.s3.endpoint } : {};
      await expect(openDataset(url, endpoint).then((source) => rig.enqueue({ source, splits: [] }))).rejects.toMatchObject({
        code: 'BROKEN_ANNOTATIONS',
        message: expect.stringContaining('captions.jsonl: record 2'),
      });
      const left: string[] = [];
      for await (const { key } of rig.store.list('runs/')) left.push(key);
      expect(left).toEqual([]);
    },
  );
});
