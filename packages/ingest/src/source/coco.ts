import { ShowtellError } from '@showtell/shared/errors';
import { readAnnotations } from './coco-annotations';
import { cocoArchives } from './coco-archives';
import { ANNOTATIONS, type CocoSplit, findSplits } from './coco-splits';
import { unpackedCoco } from './coco-unpacked';
import type { CocoView } from './coco-view';
import { completeDataset, splitOf } from './complete-dataset';
import type { Dataset, DatasetSplit, ScanOptions } from './dataset';
import { Findings } from './findings';
import { type Photo, PhotoTable } from './photo-table';
import type { SourceKind } from './source-kind';
import { storedDataset } from './stored-dataset';

/** A COCO folder or S3 prefix. Photos that were left in their zip archive, while the captions were unpacked, are read out of it. */
export const coco: SourceKind = {
  kind: 'coco',
  looks: 'photos in <split>/, captions in annotations/captions_<split>.json',
  prefixes: ['annotations/'],
  folders: ['annotations'],
  recognise: (keys) => (keys.some((key) => ANNOTATIONS.test(key)) ? [{ name: 'annotations' }] : []),
  named: refuseOneSplit,
  open: (address) =>
    storedDataset(address, (store, _address, options) => {
      const unpacked = unpackedCoco(store);
      return scanCoco({ captions: unpacked, photos: [unpacked, cocoArchives(store)] }, options);
    }),
};

/** Whoever names the captions of one split may not mean those of all. */
function refuseOneSplit(file: string): undefined {
  const split = /^captions_(.+)\.json$/.exec(file)?.[1];
  if (split === undefined) return undefined;
  throw new ShowtellError('USAGE', `Expected the folder of a COCO dataset but received ${file}, the captions of one split`, {
    hint: `Name the folder that holds annotations/, with --split ${split} for this split alone.`,
  });
}

export interface CocoPlaces {
  readonly captions: CocoView;
  /** The first that has photos of a split has all of them. */
  readonly photos: readonly CocoView[];
}

export async function scanCoco({ captions, photos }: CocoPlaces, options: ScanOptions): Promise<Dataset> {
  const findings = new Findings();
  const chosen = await findSplits(captions, options.splits, options.signal);
  const splits: DatasetSplit[] = [];
  for (const split of chosen) splits.push(await scanSplit({ captions, photos }, split, findings, options.signal));
  return completeDataset(splits, findings, options, (without) =>
    empty(
      captions.url,
      chosen.filter(({ split }) => without.includes(split)),
    ),
  );
}

function empty(url: string, splits: readonly CocoSplit[]): ShowtellError {
  const places = splits.map(({ annotations, folder }) => `${folder} named in ${annotations}`).join(', ');
  return new ShowtellError('EMPTY_DATASET', `Expected photos in ${url} under ${places} but received none`, {
    hint: 'Photos lie beside the captions in a folder that is named like the split, or unopened in its zip archive, such as val2017.zip or zips/val2017.zip.',
  });
}

/** Reads the annotations, then looks for the photos. */
async function scanSplit(
  { captions, photos: views }: CocoPlaces,
  { split, folder, annotations }: CocoSplit,
  findings: Findings,
  signal?: AbortSignal,
): Promise<DatasetSplit> {
  const photos = new PhotoTable(findings);
  await readAnnotations(
    captions,
    annotations,
    {
      image: ({ id, fileName, licence, url }, where) =>
        photos.image({ imageId: id, split, fileName, path: `${folder}${fileName}`, licence, url }, where),
      caption: (record, where) => photos.caption(record, where),
    },
    signal,
  );
  let found: ReadonlySet<Photo> = new Set();
  for (const view of views) if (found.size === 0) found = await view.locate(photos, folder, signal);
  return splitOf(split, photos.finish(), found, findings);
}
