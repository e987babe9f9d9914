import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ShowtellError } from '@showtell/shared/errors';
import parser from 'stream-json/parser.js';
import verifier from 'stream-json/utils/verifier.js';
import { decodeUtf8, NotUtf8 } from './utf8';

export type JsonToken = parser.Token;

/** UTF-16 units of one value, key or gap between them: each is in memory as a whole, and no text can be longer than 512 MiB. */
const LONGEST_VALUE = 2 ** 25;
/** Lists and objects within one another; the parser remembers each that is open. */
const DEEPEST = 1_000;

export interface JsonText {
  /** Opens the text at its beginning; a second time when the first has found that it is no JSON. */
  readonly open: () => NodeJS.ReadableStream | Promise<NodeJS.ReadableStream>;
  /** As messages name it. */
  readonly name: string;
  /** Whether values may follow one another, as in JSON lines. */
  readonly lines: boolean;
  /** The error of a text that is no JSON: `<name> is not JSON: line 2, column 21: expected ','`. */
  readonly broken: (message: string, cause: unknown) => ShowtellError;
}

/**
 * Reads JSON as a stream: nothing of it is kept but what `consume` keeps. Numbers come as text, so that no digit of a large one is lost.
 * @throws what `broken` makes of a text that is no JSON, with line and column, or no UTF-8; what opening, reading or `consume` throw.
 */
export async function readJsonTokens(text: JsonText, consume: (token: JsonToken) => void, signal?: AbortSignal): Promise<void> {
  const jsonStreaming = text.lines;
  let depth = 0;
  let passed = 0;
  let sinceToken = 0;
  async function* limited(chunks: AsyncIterable<string>) {
    for await (const chunk of chunks) {
      passed += chunk.length;
      sinceToken += chunk.length;
      if (sinceToken > LONGEST_VALUE)
        throw text.broken(
          `${text.name}: Expected values of at most ${LONGEST_VALUE} characters but received a longer one, some ${passed - sinceToken} characters behind the beginning`,
          undefined,
        );
      yield chunk;
    }
  }
  const consumer = new Writable({
    objectMode: true,
    write(token: JsonToken, _encoding, done) {
      try {
        sinceToken = 0;
        if (token.name === 'startObject' || token.name === 'startArray') depth++;
        if (token.name === 'endObject' || token.name === 'endArray') depth--;
        if (depth > DEEPEST)
          throw text.broken(`${text.name}: Expected at most ${DEEPEST} lists and objects within one another but received more`, undefined);
        consume(token);
        done();
      } catch (error) {
        done(error as Error);
      }
    },
  });
  const options = signal ? { signal } : {};
  try {
    await pipeline(await text.open(), decodeUtf8, limited, parser.asStream({ jsonStreaming, streamValues: false }), consumer, options);
  } catch (error) {
    signal?.throwIfAborted();
    throw await explain(text, error);
  }
}

async function explain({ open, name, lines, broken }: JsonText, cause: unknown): Promise<unknown> {
  if (cause instanceof NotUtf8) return broken(`${name} ${cause.message}`, cause);
  const { code } = cause as NodeJS.ErrnoException;
  // Only the parser's own errors have no code.
  if (cause instanceof ShowtellError || code !== undefined) return cause;
  // The parser does not know where it stands; reading the text again with one that does gives line and column.
  const ignore = new Writable({ objectMode: true, write: (_, __, done) => done() });
  try {
    await pipeline(await open(), decodeUtf8, verifier.asStream({ jsonStreaming: lines }), ignore);
  } catch (error) {
    const { line, pos, message } = error as verifier.VerifierError;
    if (line === undefined) return error;
    return broken(`${name} is not JSON: line ${line}, column ${pos}: ${expectation(message)}`, cause);
  }
  return cause;
}

/** The verifier's words; `has expected` is what it says at the end of the text. */
const expectation = (message: string) =>
  message.replace(/^.*Verifier (?:cannot parse input: )?/, '').replace(/^has expected/, 'the file ends, expected');

/** What a value is, for messages; of a list or an object only that. */
export function describeToken(token: JsonToken | undefined): string {
  if (token === undefined) return 'nothing';
  if (token.name === 'startObject') return 'an object';
  if (token.name === 'startArray') return 'a list';
  if (token.name === 'numberValue') return token.value as string;
  const text = JSON.stringify(token.value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
