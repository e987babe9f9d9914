import { ShowtellError } from '@showtell/shared/errors';
import { hasLoneSurrogate } from './caption-text';
import { describeToken, type JsonToken } from './json-tokens';

export interface ImageRecord {
  readonly id: string;
  readonly fileName: string;
  readonly licence: string;
  readonly url: string;
}

export interface CaptionRecord {
  /** `undefined` where the file numbers no captions. */
  readonly id: string | undefined;
  readonly imageId: string;
  /** As it stands in the file, unchecked. */
  readonly caption: string;
}

/** Receives the records in the order of the file. `where` names the record, for messages. */
export interface AnnotationHandlers {
  image(record: ImageRecord, where: () => string): void;
  caption(record: CaptionRecord, where: () => string): void;
}

/** Longest id and file name that are taken, in UTF-16 units. */
export const MAX_NAME_LENGTH = 4096;

/** Fields that are kept while a record is read; a record may have any number of others. */
const FIELDS = new Set(['id', 'file_name', 'license', 'flickr_url', 'coco_url', 'image_id', 'caption']);

type List = 'images' | 'annotations';
const isList = (name: string): name is List => name === 'images' || name === 'annotations';

/** Puts the scalar fields of one record at a time together; `depth` counts the open objects and arrays. */
export class RecordReader {
  private depth = 0;
  /** Key of the outermost object that is being read. */
  private list = '';
  private index = -1;
  private field = '';
  private readonly fields = new Map<string, JsonToken>();
  private readonly seen = new Set<List>();
  private readonly where = () => `${this.key}: ${this.list}[${this.index}]`;

  constructor(
    private readonly key: string,
    private readonly handlers: AnnotationHandlers,
  ) {}

  consume(token: JsonToken): void {
    switch (token.name) {
      case 'keyValue':
        if (this.depth === 1) this.enterList(token.value as string);
        else if (this.depth === 3) this.field = token.value as string;
        break;
      case 'startObject':
      case 'startArray':
        this.value(token);
        this.depth++;
        break;
      case 'endObject':
      case 'endArray':
        this.depth--;
        if (this.depth === 2 && isList(this.list)) this.emit(this.list);
        break;
      default:
        this.value(token);
    }
  }

  end(): void {
    for (const list of ['images', 'annotations'] as const)
      if (!this.seen.has(list)) throw broken(`Expected a list "${list}" in ${this.key} but received none`);
  }

  private enterList(name: string): void {
    this.list = name;
    this.index = -1;
    if (!isList(name)) return;
    if (this.seen.has(name)) throw broken(`Expected one list "${name}" in ${this.key} but received a second`);
    this.seen.add(name);
  }

  /** Any value begins. */
  private value(token: JsonToken): void {
    if (this.depth === 0 && token.name !== 'startObject')
      throw broken(`Expected an object in ${this.key} but received ${describeToken(token)}`);
    if (this.depth === 3 && FIELDS.has(this.field)) this.fields.set(this.field, token);
    if (this.depth === 0 || !isList(this.list)) return;
    if (this.depth === 1 && token.name !== 'startArray')
      throw broken(`Expected a list for "${this.list}" in ${this.key} but received ${describeToken(token)}`);
    if (this.depth !== 2) return;
    this.index++;
    this.fields.clear();
    if (token.name !== 'startObject') throw broken(`${this.where()}: Expected an object but received ${describeToken(token)}`);
  }

  private emit(list: List): void {
    if (list === 'images') {
      this.handlers.image(
        {
          id: this.id('id'),
          fileName: this.name('file_name'),
          licence: this.scalar('license'),
          url: this.scalar('flickr_url') || this.scalar('coco_url'),
        },
        this.where,
      );
    } else {
      const caption = this.fields.get('caption');
      if (caption?.name !== 'stringValue')
        throw broken(`${this.where()}: Expected text for caption but received ${describeToken(caption)}`);
      this.handlers.caption(
        { id: this.fields.has('id') ? this.id('id') : undefined, imageId: this.id('image_id'), caption: caption.value as string },
        this.where,
      );
    }
  }

  private id(field: string): string {
    const token = this.fields.get(field);
    if (token?.name === 'numberValue' && /^-?\d+$/.test(token.value as string)) return ownCopy(token.value as string);
    if (token?.name === 'stringValue') return this.name(field);
    throw broken(`${this.where()}: Expected an integer or text for ${field} but received ${describeToken(token)}`);
  }

  private name(field: string): string {
    const token = this.fields.get(field);
    const text = token?.value as string;
    if (token?.name !== 'stringValue' || text === '' || text.length > MAX_NAME_LENGTH || text.includes('\0') || hasLoneSurrogate(text))
      throw broken(
        `${this.where()}: Expected text of 1 to ${MAX_NAME_LENGTH} characters for ${field} but received ${describeToken(token)}`,
      );
    return ownCopy(text);
  }

  /** What is good to know but not needed: anything but text and numbers counts as absent. */
  private scalar(field: string): string {
    const token = this.fields.get(field);
    return (token?.name === 'stringValue' && token.value.length <= MAX_NAME_LENGTH) || token?.name === 'numberValue'
      ? ownCopy(token.value as string)
      : '';
  }
}

/** A string cut from a larger one keeps the whole of it in memory: without this, all of the file. */
export function ownCopy(text: string): string {
  return Buffer.from(text).toString();
}

export function broken(message: string, cause?: unknown): ShowtellError {
  return new ShowtellError('BROKEN_ANNOTATIONS', message, {
    cause,
    hint: 'Fetch the annotations again, or mend the file. Nothing was planned.',
  });
}
