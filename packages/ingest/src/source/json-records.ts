import { ShowtellError } from '@showtell/shared/errors';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import Assembler from 'stream-json/assembler.js';
import { broken } from './annotation-records';
import { describeToken, type JsonToken, readJsonTokens } from './json-tokens';

/** Values, keys and brackets that one record may have; a record is in memory as a whole. */
const MOST_TOKENS = 100_000;

export interface JsonRecordsOptions {
  /** The records are the elements of this list of the file's object. Without it, the file is JSON lines of them. */
  readonly list?: string;
  readonly signal?: AbortSignal | undefined;
}

export type JsonRecord = Readonly<Record<string, unknown>>;

/**
 * Reads records of a JSON file as a stream, one at a time. Numbers come as text, so that no digit of a large one is lost.
 * Throws `BROKEN_ANNOTATIONS` with the file and the line and column, or the record; or what the store or `take` throws.
 */
export async function readJsonRecords(
  store: ObjectStore,
  key: string,
  { list, signal }: JsonRecordsOptions,
  take: (record: JsonRecord, where: () => string) => void,
): Promise<void> {
  const records = new RecordTaker(key, list, take);
  const open = async () => {
    const stream = await store.stream(key, { ...(signal && { signal }) });
    if (stream === undefined) throw new ShowtellError('NOT_A_DATASET', `Expected captions at ${key} in ${store.url} but they are gone`);
    return stream;
  };
  await readJsonTokens({ open, name: key, lines: list === undefined, broken }, (token) => records.consume(token), signal);
  records.end();
}

class RecordTaker {
  private depth = 0;
  private outerKey = '';
  private found = false;
  private index = -1;
  private tokens = 0;
  private assembler: Assembler | undefined;
  private readonly recordDepth: number;
  private readonly where = () =>
    this.list === undefined ? `${this.key}: record ${this.index + 1}` : `${this.key}: ${this.list}[${this.index}]`;

  constructor(
    private readonly key: string,
    private readonly list: string | undefined,
    private readonly take: (record: JsonRecord, where: () => string) => void,
  ) {
    this.recordDepth = list === undefined ? 0 : 2;
  }

  consume(token: JsonToken): void {
    const closes = token.name === 'endObject' || token.name === 'endArray';
    if (closes) this.depth--;
    if (this.assembler !== undefined) this.assemble(token);
    else if (this.depth === this.recordDepth && this.inList && !closes) this.begin(token);
    else this.outside(token);
    if (token.name === 'startObject' || token.name === 'startArray') this.depth++;
  }

  end(): void {
    if (this.list !== undefined && !this.found) throw broken(`Expected a list "${this.list}" in ${this.key} but received none`);
    if (this.index < 0) throw broken(`Expected records in ${this.key} but received none`);
  }

  private get inList(): boolean {
    return this.list === undefined || this.outerKey === this.list;
  }

  /** What is around the list. */
  private outside(token: JsonToken): void {
    if (this.depth === 0 && token.name !== 'startObject' && token.name !== 'endObject')
      throw broken(`Expected an object in ${this.key} but received ${describeToken(token)}`);
    if (this.depth !== 1) return;
    if (token.name === 'keyValue') this.outerKey = token.value as string;
    else if (this.outerKey === this.list && token.name !== 'endArray') {
      if (token.name !== 'startArray')
        throw broken(`Expected a list for "${this.list}" in ${this.key} but received ${describeToken(token)}`);
      if (this.found) throw broken(`Expected one list "${this.list}" in ${this.key} but received a second`);
      this.found = true;
    }
  }

  private begin(token: JsonToken): void {
    this.index++;
    this.tokens = 0;
    if (token.name !== 'startObject') throw broken(`${this.where()}: Expected an object but received ${describeToken(token)}`);
    this.assembler = new Assembler({ numberAsString: true });
    this.assembler.consume(token);
  }

  private assemble(token: JsonToken): void {
    if (++this.tokens > MOST_TOKENS) throw broken(`${this.where()}: Expected at most ${MOST_TOKENS} values in a record but received more`);
    this.assembler!.consume(token);
    if (!this.assembler!.done) return;
    const record = this.assembler!.current as JsonRecord;
    this.assembler = undefined;
    this.take(record, this.where);
  }
}
