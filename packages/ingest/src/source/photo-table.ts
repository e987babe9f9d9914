import { ShowtellError } from '@showtell/shared/errors';
import type { PlanRow } from '@showtell/shared/schema/plan';
import { type CaptionRecord, ownCopy } from './annotation-records';
import { checkCaption } from './caption-text';
import type { Findings } from './findings';

/** A photo of the annotations with its captions. Key, etag and size are not known before it was found in the source. */
export type Photo = { -readonly [Field in keyof PlanRow]: PlanRow[Field] } & {
  readonly split: string;
  /** Where it should lie, relative to the folder of photos. */
  readonly path: string;
  readonly captions: string[];
};

export type PhotoRecord = Pick<Photo, 'imageId' | 'split' | 'path' | 'fileName'> &
  Partial<Pick<Photo, 'licence' | 'url'>> & {
    /** Where it may lie, too. */
    readonly otherPath?: string;
  };

/** Names the record, for messages. */
export type Where = () => string;

/** The photos of annotations with their captions, whichever of the two came first. */
export class PhotoTable {
  private readonly byId = new Map<string, Photo>();
  private readonly byPath = new Map<string, Photo>();
  private readonly byOtherPath = new Map<string, Photo>();
  /** Captions whose image has not come. */
  private readonly waiting = new Map<string, string[]>();
  private readonly captionIds = new Set<number | string>();

  constructor(private readonly findings: Findings) {}

  /** Two ids of one file are one photo with the captions of both. Throws `ID_CONFLICT` for one id of two files. */
  image(record: PhotoRecord, where: Where): Photo {
    const { imageId: id, path, split } = record;
    const known = this.byId.get(id);
    if (known !== undefined && known.path !== path)
      throw new ShowtellError('ID_CONFLICT', `${where()}: Expected file ${known.path} for image id ${id}, as before, but received ${path}`);
    const photo = known ?? this.byPath.get(path) ?? this.newPhoto(record);
    if (photo.split !== split)
      throw new ShowtellError('ID_CONFLICT', `${where()}: Expected split ${photo.split} for ${path}, as before, but received ${split}`);
    if (photo.imageId !== id || known !== undefined) this.findings.duplicateImages++;
    this.byId.set(id, photo);
    photo.captions.push(...(this.waiting.get(id) ?? []));
    this.waiting.delete(id);
    return photo;
  }

  caption({ id, imageId, caption }: CaptionRecord, where: Where): void {
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
  }

  ofPath(path: string): Photo | undefined {
    return this.byPath.get(path) ?? this.byOtherPath.get(path);
  }

  /** All photos, once the annotations were read. */
  finish(): Photo[] {
    for (const [imageId, captions] of this.waiting) this.findings.add('captionsWithoutImage', `image ${imageId}`, captions.length);
    return [...this.byPath.values()];
  }

  private newPhoto({ imageId, split, path, fileName, otherPath, licence = '', url = '' }: PhotoRecord): Photo {
    const photo: Photo = { imageId, fileName, sourceKey: path, etag: '', bytes: 0, licence, url, split, path, captions: [] };
    this.byPath.set(path, photo);
    if (otherPath !== undefined) this.byOtherPath.set(otherPath, photo);
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
