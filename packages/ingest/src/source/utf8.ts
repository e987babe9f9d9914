import { isUtf8 } from 'node:buffer';

/** Text is in another encoding; the message goes on after the text's name. */
export class NotUtf8 extends Error {
  override readonly name = 'NotUtf8';
}

/** Text of its bytes, without a byte order mark. Throws `NotUtf8` with the line. */
export async function* decodeUtf8(chunks: AsyncIterable<Buffer | string>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let lines = 1;
  let first = true;
  /** The last bytes before a chunk: a character has three at most that do not end it. */
  let tail = Buffer.alloc(0);
  for await (const chunk of chunks) {
    const bytes = Buffer.from(chunk);
    if (first && /^(?:fffe|feff)/.test(bytes.toString('hex', 0, 2))) throw new NotUtf8('is UTF-16 text and not UTF-8: save it as UTF-8');
    let text: string;
    try {
      text = decoder.decode(bytes, { stream: true });
    } catch (cause) {
      throw new NotUtf8(`is not UTF-8 text: line ${lines + linesBeforeFault(tail, bytes)}`, { cause });
    }
    first = false;
    tail = Buffer.concat([tail, bytes.subarray(-3)]).subarray(-3);
    lines += countLines(text);
    yield text;
  }
  try {
    yield decoder.decode();
  } catch (cause) {
    throw new NotUtf8(`is not UTF-8 text: line ${lines}`, { cause });
  }
}

/** Lines of a chunk that end before the one that is no UTF-8. Its first character may begin in `tail`, and then nothing else does after it. */
function linesBeforeFault(tail: Buffer, bytes: Buffer): number {
  const last = tail.findLastIndex((byte) => byte < 0x80 || byte >= 0xc0);
  const text = Buffer.concat([last >= 0 && tail[last]! >= 0xc0 ? tail.subarray(last) : Buffer.alloc(0), bytes]);
  let count = 0;
  let start = 0;
  for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
    if (!isUtf8(text.subarray(start, end))) return count;
    count++;
    start = end + 1;
  }
  return count;
}

function countLines(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count++;
  return count;
}
