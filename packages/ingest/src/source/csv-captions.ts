import { pipeline, Readable } from 'node:stream';
import { ShowtellError } from '@showtell/shared/errors';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { CsvError, type Info, type Options, parse } from 'csv-parse';
import { CsvError as HeadError, parse as parseText } from 'csv-parse/sync';
import { broken } from './annotation-records';
import { type ChosenColumns, chooseColumns, missingColumns } from './caption-columns';
import type { TakeCaptions } from './captions-file';
import { decodeUtf8, NotUtf8 } from './utf8';

/** Of Kaggle and Hugging Face, of spreadsheets, of Flickr30k's results.csv, and of spreadsheets where numbers have a comma. */
const DELIMITERS = [',', '\t', '|', ';'] as const;
type Delimiter = (typeof DELIMITERS)[number];

/** A row is in memory as a whole; one that is longer has most likely a quote that nothing closes. */
const LONGEST_ROW = 2 ** 24;

/**
 * Reads a captions file of rows, one photo and caption each. The first row names the columns, and thereby tells what is between them.
 * Throws `BROKEN_ANNOTATIONS` with the line, or what the store or `take` throws.
 */
export async function readCsvCaptions(store: ObjectStore, key: string, take: TakeCaptions, signal?: AbortSignal): Promise<void> {
  const stream = await store.stream(key, { ...(signal && { signal }) });
  if (stream === undefined) throw new ShowtellError('NOT_A_DATASET', `Expected captions at ${key} in ${store.url} but they are gone`);
  const text = decodeUtf8(stream as AsyncIterable<Buffer>);
  try {
    const beginning = await firstLine(text, key);
    const head = readHead(beginning, key);
    for await (const { record, info } of parseRows(joined(beginning, text), head, signal)) {
      if (info.records === 1) continue;
      const where = () => `${key}: line ${info.lines}`;
      if (record.length !== head.names.length) {
        const problem = `expected ${head.names.length} cells but received ${record.length}; a cell with ${JSON.stringify(head.delimiter)} in it stands in quotes`;
        take({ problem }, where);
        continue;
      }
      const cell = (name: string | undefined) => (name === undefined ? undefined : record[head.names.indexOf(name)]);
      take(
        {
          path: cell(head.columns.file),
          captions: [cell(head.columns.caption)!],
          split: cell(head.columns.split),
          id: cell(head.columns.id),
        },
        where,
      );
    }
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof NotUtf8) throw broken(`${key} ${error.message}`, error);
    // The class is another one in each of the library's bundles.
    if (error instanceof CsvError || error instanceof HeadError) throw broken(`${key}: ${error.message}`, error);
    throw error;
  } finally {
    // The file is open still where its first line was refused.
    await text.return(undefined);
  }
}

interface Head {
  readonly delimiter: Delimiter;
  readonly names: readonly string[];
  readonly columns: ChosenColumns;
  readonly lineEnds: readonly string[];
}

function readHead(beginning: string, key: string): Head {
  const [, line = '', end = '\n'] = /^([^\r\n]*)(\r?\n|\r)?/.exec(beginning) ?? [];
  const heads = DELIMITERS.map((delimiter) => ({ delimiter, names: parseText(line, writing(delimiter))[0] ?? [] }));
  for (const { delimiter, names } of heads) {
    const columns = chooseColumns(names);
    if (columns !== undefined) return { delimiter, names, columns, lineEnds: end === '\r' ? ['\r'] : ['\r\n', '\n'] };
  }
  const { names } = heads.reduce((most, head) => (head.names.length > most.names.length ? head : most));
  throw missingColumns(key, names);
}

/** How cells are written where this is between them. */
const writing = (delimiter: Delimiter): Options => ({
  delimiter,
  // Flickr30k's rows are padded, and have single quotes of " that are no quoting.
  trim: delimiter === '|',
  quote: delimiter === '|' ? null : '"',
  relax_quotes: true,
  relax_column_count: true,
  // Spreadsheets write those below the last row as rows of empty cells.
  skip_records_with_empty_values: true,
  max_record_size: LONGEST_ROW,
});

function parseRows(text: AsyncIterable<string>, { delimiter, lineEnds }: Head, signal?: AbortSignal) {
  const parser = parse({ ...writing(delimiter), record_delimiter: [...lineEnds], info: true });
  // Whoever reads the parser meets the error.
  pipeline(Readable.from(text, { objectMode: false, ...(signal && { signal }) }), parser, () => {});
  return parser as AsyncIterable<{ record: string[]; info: Info }>;
}

/** Text up to the end of the first line at least. */
async function firstLine(text: AsyncGenerator<string>, key: string): Promise<string> {
  let beginning = '';
  while (!/\n|\r[^]/.test(beginning)) {
    const next = await text.next();
    if (next.done) break;
    beginning += next.value;
    if (beginning.length > LONGEST_ROW)
      throw broken(`Expected a line of column names in ${key} but received ${beginning.length} characters without an end of line`);
  }
  return beginning;
}

async function* joined(beginning: string, rest: AsyncIterable<string>): AsyncGenerator<string> {
  yield beginning;
  yield* rest;
}
