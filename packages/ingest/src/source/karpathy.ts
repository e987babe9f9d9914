import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import type { SourceAddress } from '@showtell/shared/schema/run';
import { broken } from './annotation-records';
import { completeDataset, splitOf } from './complete-dataset';
import type { Dataset, ScanOptions } from './dataset';
import { findPhotos, noPhotos, photoPlaces } from './find-photos';
import { Findings } from './findings';
import { type JsonRecord, readJsonRecords } from './json-records';
import { type Photo, PhotoTable, type Where } from './photo-table';
import { checkedName, checkedPath, describe } from './record-fields';
import type { SourceKind } from './source-kind';
import { chooseSplits, splitName } from './split-names';
import { storedDataset } from './stored-dataset';

/**
 * `dataset.json` as in the author's own archives, `dataset_coco.json` as everywhere else; but not what Hugging Face's library writes
 * beside its own metadata.
 */
const CAPTIONS = /^dataset(?:_(?!infos?\.json$|dict\.json$)[^/]+)?\.json$/;

export const karpathy: SourceKind = {
  kind: 'karpathy',
  looks: 'photos here, in images/ or <filepath>/, and dataset_<name>.json',
  prefixes: ['dataset.', 'dataset_'],
  recognise: (keys) => keys.filter((key) => CAPTIONS.test(key)).map((key) => ({ name: key, captions: key })),
  named: (file) => (file.endsWith('.json') ? { name: file, captions: file } : undefined),
  takesPhotos: true,
  open: (address) => storedDataset(address, scanStore),
};

/** Photos with one JSON file of all captions, which tells each photo's split, as Karpathy published them for COCO and Flickr. */
async function scanStore(store: ObjectStore, { captions, photos: folder }: SourceAddress, options: ScanOptions): Promise<Dataset> {
  const { splits: wanted, signal } = options;
  const key = captions!;
  const places = photoPlaces(folder);
  const findings = new Findings();
  const photos = new PhotoTable(findings);
  const splits = new Map<string, string>();
  await readJsonRecords(store, key, { list: 'images', signal }, (record, where) => {
    const stored = checkedName(record['split'], 'split', where);
    const split = splits.get(stored) ?? splitName(stored, where);
    splits.set(stored, split);
    if (wanted.length === 0 || wanted.includes(split) || wanted.includes(stored)) addImage(photos, record, split, where);
  });
  const found = Array.from(splits, ([stored, split]) => ({ stored, split }));
  const chosen = new Set(chooseSplits(found, wanted, store.url).map(({ split }) => split));
  const { found: there, elsewhere } = await findPhotos(store, photos, places, signal);
  const all = photos.finish();
  const ofSplit = (split: string) =>
    splitOf(
      split,
      all.filter((photo: Photo) => photo.split === split),
      there,
      findings,
    );
  return completeDataset([...chosen].map(ofSplit), findings, options, () => noPhotos(store, key, photos, { ...places, elsewhere }));
}

/** COCO's photos are numbered by `cocoid` and lie in the folder `filepath`; Flickr's have `imgid` alone and no folder. */
function addImage(photos: PhotoTable, record: JsonRecord, split: string, where: Where): void {
  const imageId = checkedName(record['cocoid'] ?? record['imgid'], record['cocoid'] === undefined ? 'imgid' : 'cocoid', where);
  const fileName = checkedPath(record['filename'], 'filename', where);
  const folder = record['filepath'] === undefined ? undefined : checkedPath(record['filepath'], 'filepath', where);
  const path = folder === undefined ? fileName : `${folder}/${fileName}`;
  photos.image({ imageId, split, fileName, path, ...(folder !== undefined && { otherPath: fileName }) }, where);
  const { sentences } = record;
  if (!Array.isArray(sentences)) throw broken(`${where()}: Expected a list for sentences but received ${describe(sentences)}`);
  for (const [index, sentence] of sentences.entries()) {
    const { raw, sentid } = (sentence ?? {}) as JsonRecord;
    const place = () => `${where()}: sentences[${index}]`;
    if (typeof raw !== 'string') throw broken(`${place()}: Expected text for raw but received ${describe(raw)}`);
    photos.caption({ id: sentid === undefined ? undefined : checkedName(sentid, 'sentid', place), imageId, caption: raw }, place);
  }
}
