import { describeToken, type JsonToken } from '@showtell/ingest/source/json-tokens';
import { ShowtellError } from '@showtell/shared/errors';

export interface CaptionRecord {
  /** As text: `7` and `"7"` are the same image. */
  readonly imageId: string;
  readonly caption: string;
  /** The record, for messages: `results.json: record 3`. */
  readonly where: string;
}

/**
 * Where records lie, which the first characters of a file tell: values one after another (JSON lines), the elements of a list, or
 * those of the list `annotations` of an object.
 */
type Layout = 'lines' | 'list' | 'annotations';

/** Depth at which the fields of a record stand, counted in open objects and lists. */
const FIELD_DEPTH: Readonly<Record<Layout, number>> = { lines: 1, list: 2, annotations: 3 };

/** Puts records together from the tokens of a file. */
export class CaptionRecords {
  private depth = 0;
  private layout: Layout = 'lines';
  /** Key of the outermost object that is being read. */
  private outerKey = '';
  private field = '';
  private readonly fields = new Map<string, JsonToken>();
  /** Records of this layout that have begun. */
  private count = 0;
  private values = 0;

  constructor(
    private readonly path: string,
    private readonly take: (record: CaptionRecord) => void,
  ) {}

  consume(token: JsonToken): void {
    switch (token.name) {
      case 'keyValue':
        if (this.depth === 1) this.outerKey = token.value as string;
        if (this.depth === FIELD_DEPTH[this.layout]) this.field = token.value as string;
        break;
      case 'startObject':
      case 'startArray':
        this.value(token);
        this.depth++;
        break;
      case 'endObject':
      case 'endArray':
        this.depth--;
        if (this.inRecords && this.depth === FIELD_DEPTH[this.layout] - 1 && token.name === 'endObject') this.emit();
        break;
      default:
        this.value(token);
    }
  }

  end(): void {
    if (this.values === 0) throw broken(`Expected captions in ${this.path} but the file is empty`);
  }

  /** Whether what is read now belongs to the records, and not to another part of an annotations file. */
  private get inRecords(): boolean {
    return this.layout !== 'annotations' || this.outerKey === 'annotations';
  }

  /** Any value begins. */
  private value(token: JsonToken): void {
    if (this.depth === 0) {
      this.values++;
      if (this.layout !== 'lines')
        throw broken(`Expected nothing after the ${this.layout} of ${this.path} but received ${describeToken(token)}`);
      if (token.name === 'startArray') {
        if (this.values > 1) throw broken(`Expected an object for ${this.path}: record ${this.values} but received a list`);
        this.layout = 'list';
        return;
      }
    }
    // The first object is an annotations file and no record, once a list of that name is found in it.
    if (this.depth === 1 && this.layout === 'lines' && this.outerKey === 'annotations' && this.values === 1 && token.name === 'startArray')
      this.enterAnnotations();
    else if (this.inRecords && this.depth === FIELD_DEPTH[this.layout]) this.fields.set(this.field, token);
    else if (this.inRecords && this.depth === FIELD_DEPTH[this.layout] - 1) this.begin(token);
  }

  private enterAnnotations(): void {
    this.layout = 'annotations';
    this.count = 0;
  }

  private begin(token: JsonToken): void {
    this.count++;
    this.fields.clear();
    if (token.name !== 'startObject') throw broken(`${this.where()}: Expected an object but received ${describeToken(token)}`);
  }

  private emit(): void {
    const caption = this.fields.get('caption');
    const imageId = this.imageId();
    if (caption?.name !== 'stringValue') throw broken(`${this.where()}: Expected text for caption but received ${describeToken(caption)}`);
    this.take({ imageId, caption: caption.value as string, where: this.where() });
  }

  private imageId(): string {
    const token = this.fields.get('image_id');
    const text = token?.value as string;
    if ((token?.name === 'numberValue' && /^-?\d+$/.test(text)) || (token?.name === 'stringValue' && text !== '')) return text;
    throw broken(`${this.where()}: Expected an integer or text for image_id but received ${describeToken(token)}`);
  }

  private where(): string {
    return `${this.path}: record ${this.count}`;
  }
}

export function broken(message: string, cause?: unknown): ShowtellError {
  return new ShowtellError('BROKEN_ANNOTATIONS', message, {
    cause,
    hint: 'Expected a list of {"image_id", "caption"}, one such object a line, or COCO annotations.',
  });
}
