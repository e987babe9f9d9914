import { ShowtellError } from '@showtell/shared/errors';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import type { SourceAddress } from '@showtell/shared/schema/run';
import { readAnnotations } from './coco-annotations';
import { ANNOTATIONS, type CocoSplit, findSplits } from './coco-splits';
import { completeDataset, splitOf } from './complete-dataset';
import type { Dataset, DatasetSplit, ScanOptions } from './dataset';
import { findPhotos } from './find-photos';
import { Findings } from './findings';
import { PhotoTable } from './photo-table';
import type { SourceKind } from './source-kind';
import { storedDataset } from './stored-dataset';

export const coco: SourceKind = {
  kind: 'coco',
  looks: 'photos in <split>/, captions in annotations/captions_<split>.json',
  prefixes: ['annotations/'],
  folders: ['annotations'],
  recognise: (keys) => (keys.some((key) => ANNOTATIONS.test(key)) ? [{ name: 'annotations' }] : []),
  named: refuseOneSplit,
  open: (address) => storedDataset(address, scanStore),
};

/** Whoever names the captions of one split may not mean those of all. */
function refuseOneSplit(file: string): undefined {
  const split = /^captions_(.+)\.json$/.exec(file)?.[1];
  if (split === undefined) return undefined;
  throw new ShowtellError('USAGE', `Expected the folder of a COCO dataset but received ${file}, the captions of one split`, {
    hint: `Name the folder that holds annotations/, with --split ${split} for this split alone.`,
  });
}

/** A COCO folder or S3 prefix: photos in `<split>/`, captions in `annotations/captions_<split>.json`. */
async function scanStore(store: ObjectStore, _address: SourceAddress, options: ScanOptions): Promise<Dataset> {
  const findings = new Findings();
  const chosen = await findSplits(store, options.splits, options.signal);
  const splits: DatasetSplit[] = [];
  for (const split of chosen) splits.push(await scanSplit(store, split, findings, options.signal));
  return completeDataset(splits, findings, options, (without) =>
    empty(
      store,
      chosen.filter(({ split }) => without.includes(split)),
    ),
  );
}

function empty(store: ObjectStore, splits: readonly CocoSplit[]): ShowtellError {
  const places = splits.map(({ annotations, folder }) => `${folder} named in ${annotations}`).join(', ');
  return new ShowtellError('EMPTY_DATASET', `Expected photos in ${store.url} under ${places} but received none`, {
    hint: 'Photos lie beside annotations/ in a folder that is named like the split.',
  });
}

/** Reads the annotations, then lists the photos. */
async function scanSplit(
  store: ObjectStore,
  { split, folder, annotations }: CocoSplit,
  findings: Findings,
  signal?: AbortSignal,
): Promise<DatasetSplit> {
  const photos = new PhotoTable(findings);
  await readAnnotations(
    store,
    annotations,
    {
      image: ({ id, fileName, licence, url }, where) =>
        photos.image({ imageId: id, split, fileName, path: `${folder}${fileName}`, licence, url }, where),
      caption: (record, where) => photos.caption(record, where),
    },
    signal,
  );
  const { found } = await findPhotos(store, photos, { under: folder, folders: [''] }, signal);
  return splitOf(split, photos.finish(), found, findings);
}
