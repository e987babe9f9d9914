import { ShowtellError } from '@showtell/shared/errors';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import type { CaptionRow, PlanRow } from '@showtell/shared/schema/plan';
import type { SourceAddress } from '@showtell/shared/schema/run';
import { openSourceStore } from '@showtell/shared/source/open';
import { type AnnotationHandlers, ownCopy } from './annotation-records';
import { checkCaption } from './caption-text';
import { readAnnotations } from './coco-annotations';
import { ANNOTATIONS, type CocoSplit, findSplits } from './coco-splits';
import type { Dataset, DatasetSource, DatasetSplit, ScanOptions } from './dataset';
import { Findings } from './findings';
import { sortByImageId } from './image-ids';
import type { SourceKind } from './source-kind';

export const coco: SourceKind = {
  kind: 'coco',
  looks: 'photos in <split>/, captions in annotations/captions_<split>.json',
  prefixes: ['annotations/'],
  folders: ['annotations'],
  recognise: (keys) => (keys.some((key) => ANNOTATIONS.test(key)) ? [{ name: 'annotations' }] : []),
  open: cocoDataset,
};

/** A COCO folder or S3 prefix: photos in `<split>/`, captions in `annotations/captions_<split>.json`. */
function cocoDataset(address: SourceAddress): DatasetSource {
  return {
    address,
    async scan(options) {
      const store = openSourceStore(address);
      try {
        return await scanStore(store, options);
      } finally {
        await store.close();
      }
    },
  };
}

async function scanStore(store: ObjectStore, { splits: wanted, strict, signal }: ScanOptions): Promise<Dataset> {
  const findings = new Findings();
  const splits: DatasetSplit[] = [];
  for (const split of await findSplits(store, wanted, signal)) {
    const found = await scanSplit(store, split, findings, signal);
    // Who fetched only some of the photos has the captions of all: a split without photos is left out unless it was asked for.
    if (found.samples.length > 0) splits.push(found);
    else if (wanted.length > 0) throw empty(store, [split]);
  }
  if (strict) findings.refuse();
  if (splits.length === 0) throw empty(store, await findSplits(store, wanted, signal));
  return { splits, findings: findings.result() };
}

function empty(store: ObjectStore, splits: readonly CocoSplit[]): ShowtellError {
  const places = splits.map(({ annotations, folder }) => `${folder} named in ${annotations}`).join(', ');
  return new ShowtellError('EMPTY_DATASET', `Expected photos in ${store.url} under ${places} but received none`, {
    hint: 'Photos lie beside annotations/ in a folder that is named like the split.',
  });
}

/** S3 may hold `val/../x.jpg`, but no store reads it: that would be another object wherever addresses are resolved. */
const REFUSED_NAME = /(?:^|\/)\.\.?(?:\/|$)/;

type Photo = { -readonly [Field in keyof PlanRow]: PlanRow[Field] } & { readonly captions: string[] };

/** Reads the annotations, then lists the photos once for their etags and sizes: one request for a thousand photos. */
async function scanSplit(
  store: ObjectStore,
  { split, folder, annotations }: CocoSplit,
  findings: Findings,
  signal?: AbortSignal,
): Promise<DatasetSplit> {
  const photos = new PhotoTable(folder, findings);
  await readAnnotations(store, annotations, photos, signal);
  const listed = new Set<Photo>();
  for await (const { key, etag, bytes } of store.list(folder, { ...(signal && { signal }) })) {
    const photo = photos.ofFile(key.slice(folder.length));
    if (photo === undefined || REFUSED_NAME.test(key)) continue;
    listed.add(Object.assign(photo, { etag: ownCopy(etag), bytes }));
  }
  const samples: PlanRow[] = [];
  const captionRows: CaptionRow[] = [];
  for (const photo of sortByImageId(photos.finish())) {
    const { captions, ...row } = photo;
    if (!listed.has(photo)) {
      findings.add('imagesMissing', row.sourceKey);
      continue;
    }
    if (captions.length === 0) findings.add('imagesWithoutCaption', row.sourceKey);
    samples.push(row);
    for (const caption of captions) captionRows.push({ imageId: row.imageId, caption });
  }
  return { split, samples, captions: captionRows };
}

/** The images of one annotations file with their captions, whichever of the two came first. */
class PhotoTable implements AnnotationHandlers {
  private readonly byId = new Map<string, Photo>();
  private readonly byFile = new Map<string, Photo>();
  /** Captions whose image has not come. */
  private readonly waiting = new Map<string, string[]>();
  private readonly captionIds = new Set<number | string>();

  constructor(
    private readonly folder: string,
    private readonly findings: Findings,
  ) {}

  image: AnnotationHandlers['image'] = ({ id, fileName, licence, url }, where) => {
    const known = this.byId.get(id);
    if (known !== undefined && known.fileName !== fileName)
      throw new ShowtellError(
        'ID_CONFLICT',
        `${where()}: Expected file ${known.fileName} for image id ${id}, as before, but received ${fileName}`,
      );
    // Two ids of one file are one photo with the captions of both.
    const photo = known ?? this.byFile.get(fileName) ?? this.newPhoto({ imageId: id, fileName, licence, url });
    if (photo.imageId !== id || known !== undefined) this.findings.duplicateImages++;
    this.byId.set(id, photo);
    photo.captions.push(...(this.waiting.get(id) ?? []));
    this.waiting.delete(id);
  };

  caption: AnnotationHandlers['caption'] = ({ id, imageId, caption }, where) => {
    const checked = checkCaption(caption);
    if ('problem' in checked) {
      this.findings.add('captionsRejected', `${where()}: ${checked.problem}`);
      return;
    }
    const captions = this.captionsOf(imageId);
    if (id === undefined || this.isNew(id)) captions.push(ownCopy(checked.text));
    else if (captions.includes(checked.text)) this.findings.duplicateCaptions++;
    else
      throw new ShowtellError('ID_CONFLICT', `${where()}: Expected the same caption for caption id ${id}, as before, but received another`);
  };

  ofFile(fileName: string): Photo | undefined {
    return this.byFile.get(fileName);
  }

  /** All photos, once the whole file was read. */
  finish(): Photo[] {
    for (const [imageId, captions] of this.waiting) this.findings.add('captionsWithoutImage', `image ${imageId}`, captions.length);
    return [...this.byFile.values()];
  }

  private newPhoto(record: Pick<PlanRow, 'imageId' | 'fileName' | 'licence' | 'url'>): Photo {
    const photo: Photo = { ...record, sourceKey: `${this.folder}${record.fileName}`, etag: '', bytes: 0, captions: [] };
    this.byFile.set(photo.fileName, photo);
    return photo;
  }

  private captionsOf(imageId: string): string[] {
    const known = this.byId.get(imageId)?.captions ?? this.waiting.get(imageId);
    if (known !== undefined) return known;
    const captions: string[] = [];
    this.waiting.set(imageId, captions);
    return captions;
  }

  /** Remembers the id. Numbers take a quarter of the memory of text. */
  private isNew(id: string): boolean {
    const number = Number(id);
    const kept = String(number) === id && Number.isSafeInteger(number) ? number : id;
    if (this.captionIds.has(kept)) return false;
    this.captionIds.add(kept);
    return true;
  }
}
