import { ShowtellError } from '@showtell/shared/errors';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import type { SourceAddress } from '@showtell/shared/schema/run';
import { broken } from './annotation-records';
import { type CaptionedFile, CaptionTable } from './caption-table';
import { isCaptionsFile, readCaptions, type TakeCaptions } from './captions-file';
import { completeDataset, splitOf } from './complete-dataset';
import type { Dataset, ScanOptions } from './dataset';
import { findPhotos, noPhotos, photoPlaces } from './find-photos';
import { Findings } from './findings';
import { PhotoTable } from './photo-table';
import type { SourceKind } from './source-kind';
import { chooseSplits } from './split-names';
import { storedDataset } from './stored-dataset';

const NAMES = ['captions', 'metadata', 'results'] as const;
/** Folders that Hugging Face's ImageFolder takes for splits, each with its own metadata file. */
const SPLIT_FOLDERS = ['train', 'validation', 'valid', 'val', 'dev', 'test'] as const;
/** Stands for each of the split folders in the address of such a dataset. */
const EACH_SPLIT = '*/';

export const captions: SourceKind = {
  kind: 'captions',
  looks: 'photos here or in images/, captions.csv or metadata.jsonl (.tsv, .txt)',
  prefixes: [...NAMES.map((name) => `${name}.`), ...SPLIT_FOLDERS.map((split) => `${split}/metadata.`)],
  recognise: (keys) => [...new Set(keys.filter(isCaptionsFile).map(withEachSplit))].map((key) => ({ name: key, captions: key })),
  named: (file) => (isCaptionsFile(file) ? { name: file, captions: file } : undefined),
  takesPhotos: true,
  open: (address) => storedDataset(address, scanStore),
};

const withEachSplit = (key: string) => key.replace(/^[^/]+\//, EACH_SPLIT);

/** A folder or S3 prefix of photos with a captions file: rows or JSON lines of a file name and a caption. */
async function scanStore(store: ObjectStore, { captions: key, photos: folder }: SourceAddress, options: ScanOptions): Promise<Dataset> {
  const { splits: wanted, signal } = options;
  const places = photoPlaces(folder);
  const findings = new Findings();
  const table = new CaptionTable();
  for (const file of await captionsFiles(store, key!, signal)) {
    const take: TakeCaptions = (record, where) => {
      if ('problem' in record) findings.add('captionsRejected', `${where()}: ${record.problem}`);
      else table.take(record, file, where);
    };
    await readCaptions(store, file.key, take, signal);
  }
  const files = table.finish();
  const [unreadable] = findings.result().captionsRejected.examples;
  if (files.length === 0 && unreadable !== undefined) throw broken(unreadable);
  const chosen = chooseSplits(splitsOf(files), wanted, store.url);
  const stored = new Set(chosen.map((split) => split.stored));
  const photos = new PhotoTable(findings);
  for (const file of files) if (stored.has(file.stored)) addPhoto(photos, file, findings);
  const { found, elsewhere } = await findPhotos(store, photos, places, signal);
  const all = photos.finish();
  const names = [...new Set(chosen.map(({ split }) => split))];
  const splits = names.map((split) =>
    splitOf(
      split,
      all.filter((photo) => photo.split === split),
      found,
      findings,
    ),
  );
  return completeDataset(splits, findings, options, () => noPhotos(store, key!, photos, { ...places, elsewhere }));
}

export interface CaptionsFile {
  readonly key: string;
  /** Folder that its file names are relative to: empty, or with `/` at its end. */
  readonly folder: string;
  /** Of a file in the folder of a split. */
  readonly split?: string;
}

async function captionsFiles(store: ObjectStore, key: string, signal?: AbortSignal): Promise<CaptionsFile[]> {
  if (!key.startsWith(EACH_SPLIT)) return [{ key, folder: '' }];
  const files: CaptionsFile[] = [];
  for (const split of SPLIT_FOLDERS) {
    const file = { key: `${split}/${key.slice(EACH_SPLIT.length)}`, folder: `${split}/`, split };
    if ((await store.head(file.key, { ...(signal && { signal }) })) !== undefined) files.push(file);
  }
  if (files.length === 0) throw new ShowtellError('NOT_A_DATASET', `Expected captions at ${key} in ${store.url} but they are gone`);
  return files;
}

function splitsOf(files: readonly CaptionedFile[]) {
  return Array.from(new Map(files.map(({ stored, split }) => [stored, split])), ([stored, split]) => ({ stored, split }));
}

function addPhoto(photos: PhotoTable, file: CaptionedFile, findings: Findings): void {
  const { path, where, split, ids, captions: texts, rejected } = file;
  for (const imageId of ids) {
    const photo = photos.image({ imageId, split, path, fileName: path }, () => where);
    // Two people may have said the same: without numbers, every caption counts.
    if (imageId === ids[0]) photo.captions.push(...texts);
  }
  for (const example of rejected) findings.add('captionsRejected', example);
}
