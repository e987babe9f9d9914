/** Text is in another encoding; the message goes on after the text's name. */
export class NotUtf8 extends Error {
  override readonly name = 'NotUtf8';
}

/** Text of its bytes, without a byte order mark. Throws `NotUtf8` with the line. */
export async function* decodeUtf8(chunks: AsyncIterable<Buffer | string>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let lines = 1;
  let first = true;
  for await (const chunk of chunks) {
    const bytes = Buffer.from(chunk);
    if (first && /^(?:fffe|feff)/.test(bytes.toString('hex', 0, 2))) throw new NotUtf8('is UTF-16 text and not UTF-8: save it as UTF-8');
    first = false;
    let text: string;
    try {
      text = decoder.decode(bytes, { stream: true });
    } catch (cause) {
      const before = bytes.toString('utf8').split('\ufffd', 1)[0]!;
      throw new NotUtf8(`is not UTF-8 text: line ${lines + countLines(before)}`, { cause });
    }
    lines += countLines(text);
    yield text;
  }
  try {
    yield decoder.decode();
  } catch (cause) {
    throw new NotUtf8(`is not UTF-8 text: line ${lines}`, { cause });
  }
}

function countLines(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count++;
  return count;
}
