import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { formatTable } from '@showtell/cli/output/table';
import { openDataset } from '@showtell/ingest/source/open';
import { concurrently } from '@showtell/shared/concurrently';
import { ShowtellError } from '@showtell/shared/errors';
import { openStore } from '@showtell/shared/object-store/open';
import { openSource } from '@showtell/shared/source/open';
import { runBench, wholeNumberOf } from './bench-program';
import { zipCoco } from './coco-zips';
import { interleave, type Turn } from './interleave';
import { startBenchStore } from './scale-servers';
import type { DirectoryFigures } from './zip-directory-main';
import { writeZipFile, type ZipMember } from './zip-writer';

const HELP = `npm run bench:zip -- [--source FOLDER] [--entries N] [--at-once N] [--rounds N] [--json]

Reads the directories of large zip archives and says how fast and with how much memory; then reads the photos of a COCO folder, and
the same photos out of COCO's zips, from files and from an S3 server (versitygw, where it is on the PATH).

  --source FOLDER   a COCO folder of photos (default: $SHOWTELL_DATA/coco-mini, else ../shared/data/coco-mini)
  --entries N       of the largest archive (default 1000000)
  --at-once N       photos that are read at once (default 8)
  --rounds N        of all four ways, in turn (default 5)
  --json            print the figures as JSON`;

/** A hole in the middle of an archive, so that places in it need more than 32 bits. */
const HOLE = 5 * 2 ** 30;
const READS_A_ROUND = 4;

interface Place {
  readonly name: string;
  readonly url: string;
  readonly endpoint?: string | undefined;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      source: { type: 'string' },
      entries: { type: 'string', default: '1000000' },
      'at-once': { type: 'string', default: '8' },
      rounds: { type: 'string', default: '5' },
      json: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) return void process.stdout.write(`${HELP}\n`);
  const source = resolve(values.source ?? join(process.env['SHOWTELL_DATA'] ?? '../shared/data', 'coco-mini'));
  if (!existsSync(join(source, 'annotations')))
    throw new ShowtellError('NOT_A_DATASET', `Expected a COCO folder for --source but received ${source}`);
  const entries = wholeNumberOf('entries', values.entries);
  const folder = await mkdtemp(join(tmpdir(), 'showtell-bench-'));
  const server = await startBenchStore(join(folder, 's3'));
  try {
    const files = { name: 'files', url: pathToFileURL(join(folder, 'files')).href };
    const places: Place[] = server.kind === 'files' ? [files] : [files, { name: server.kind, url: server.url, endpoint: server.endpoint }];
    const directories = await measureDirectories(places, entries);
    const photos = await measurePhotos(places, source, {
      atOnce: wholeNumberOf('at-once', values['at-once']),
      rounds: wholeNumberOf('rounds', values.rounds),
    });
    if (values.json) process.stdout.write(`${JSON.stringify({ directories, photos })}\n`);
    else process.stdout.write(`${directoryTable(directories)}\n${photoTable(photos)}`);
  } finally {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

interface DirectoryRow extends DirectoryFigures {
  readonly place: string;
  readonly archiveBytes: number;
}

/** On the disk with a hole, and as a whole on a server, which does not take holes. */
async function measureDirectories(places: readonly Place[], most: number): Promise<DirectoryRow[]> {
  const rows: DirectoryRow[] = [];
  for (const { name, url, endpoint = '' } of places)
    for (const entries of [Math.ceil(most / 10), most]) {
      const folder = await mkdtemp(join(tmpdir(), 'showtell-bench-archive-'));
      const local = endpoint === '';
      await writeZipFile(join(folder, 'large.zip'), manyPhotos(entries, local ? HOLE : 0));
      const at = local ? pathToFileURL(folder).href : url;
      const store = openStore(at, { endpoint: local ? undefined : endpoint });
      if (!local) await store.upload('large.zip', await readFile(join(folder, 'large.zip')));
      const { bytes } = (await store.head('large.zip'))!;
      const child = [join(__dirname, 'zip-directory-main.js'), at, endpoint, 'large.zip'];
      const { stdout } = await promisify(execFile)(process.execPath, child);
      rows.push({ place: name, archiveBytes: bytes, ...(JSON.parse(stdout) as DirectoryFigures) });
      if (!local) await store.delete('large.zip');
      await store.close();
      await rm(folder, { recursive: true });
    }
  return rows;
}

function* manyPhotos(entries: number, hole: number): Generator<ZipMember> {
  const body = Buffer.from('photo');
  for (let index = 0; index < entries; index++) {
    const name = `train2017/${String(index).padStart(12, '0')}.jpg`;
    yield { name, body, gap: index === entries >> 1 ? hole : 0 };
  }
}

interface PhotoRow {
  readonly place: string;
  readonly from: 'folder' | 'zip';
  readonly photos: number;
  readonly bytes: number;
  readonly photosPerSecond: number;
}

interface PhotoSetting {
  readonly atOnce: number;
  readonly rounds: number;
}

async function measurePhotos(places: readonly Place[], source: string, { atOnce, rounds }: PhotoSetting): Promise<PhotoRow[]> {
  const rows: Omit<PhotoRow, 'photosPerSecond'>[] = [];
  const turns: Turn[] = [];
  const zips = await mkdtemp(join(tmpdir(), 'showtell-bench-zips-'));
  try {
    await zipCoco(source, zips);
    for (const { name, url, endpoint } of places)
      for (const from of ['folder', 'zip'] as const) {
        const at = `${url}/${from}`;
        await copyInto(from === 'zip' ? zips : source, at, endpoint);
        const dataset = await openDataset(at, { ...(endpoint !== undefined && { endpoint }) });
        const { splits } = await dataset.scan({ splits: [], strict: false });
        const photos = splits.flatMap(({ samples }) => samples);
        const work = Array.from({ length: READS_A_ROUND }, () => photos).flat();
        rows.push({ place: name, from, photos: photos.length, bytes: photos.reduce((sum, { bytes }) => sum + bytes, 0) });
        const measure = async () => {
          const reader = openSource(dataset.address);
          const startedAt = performance.now();
          await concurrently(work, atOnce, async (row) => void (await reader.read(row)));
          const seconds = (performance.now() - startedAt) / 1_000;
          await reader.close();
          return work.length / seconds;
        };
        await measure();
        turns.push({ measure });
      }
    const rates = await interleave(turns, { rounds, pauseMs: 100 });
    return rows.map((row, index) => ({ ...row, photosPerSecond: rates[index]! }));
  } finally {
    await rm(zips, { recursive: true });
  }
}

async function copyInto(folder: string, url: string, endpoint: string | undefined): Promise<void> {
  const store = openStore(url, { endpoint });
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    await store.upload(path.slice(folder.length + 1), await readFile(path));
  }
  await store.close();
}

const directoryTable = (rows: readonly DirectoryRow[]) =>
  formatTable(
    ['directory in', 'entries', 'archive', 'seconds', 'entries/s', 'memory before', 'at most'],
    rows.map(({ place, entries, archiveBytes, seconds, beforeMB, peakMB }) => [
      place,
      entries,
      `${(archiveBytes / 1e9).toFixed(2)} GB`,
      seconds.toFixed(2),
      Math.round(entries / seconds),
      `${Math.round(beforeMB)} MB`,
      `${Math.round(peakMB)} MB`,
    ]),
  );

const photoTable = (rows: readonly PhotoRow[]) =>
  formatTable(
    ['photos in', 'from', 'photos', 'photos/s', 'MB/s'],
    rows.map(({ place, from, photos, bytes, photosPerSecond }) => [
      place,
      from,
      photos,
      Math.round(photosPerSecond),
      Math.round(((bytes / photos) * photosPerSecond) / 1e6),
    ]),
  );

runBench(main);
