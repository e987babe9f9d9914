import { decodeUtf8 } from '../../src/source/utf8';

async function decoded(chunks: readonly Buffer[]): Promise<string> {
  let text = '';
  for await (const part of decodeUtf8(
    (async function* () {
      yield* chunks;
    })(),
  ))
    text += part;
  return text;
}

/** Every way to cut bytes in two, and all of them into single bytes. */
const cuts = (bytes: Buffer) => [
  ...Array.from({ length: bytes.length + 1 }, (_, place) => [bytes.subarray(0, place), bytes.subarray(place)]),
  Array.from(bytes, (byte) => Buffer.from([byte])),
];

// Characters of one to four bytes, and the one that decoders put where they fail.
const GOOD = 'naïve\n写真\n😀 \ufffd\né😀写';

test('text is the same wherever its bytes are cut, less a byte order mark', async () => {
  for (const chunks of cuts(Buffer.from(`\ufeff${GOOD}`))) expect(await decoded(chunks)).toBe(GOOD);
});

test('the line that is no UTF-8 is named wherever the bytes are cut', async () => {
  for (const fault of [[0xe9], [0xff], [0xe5, 0x86]]) {
    const bytes = Buffer.concat([Buffer.from(GOOD), Buffer.from(fault), Buffer.from('\nand more\n')]);
    for (const chunks of cuts(bytes)) await expect(decoded(chunks)).rejects.toThrow('is not UTF-8 text: line 4');
  }
});

test('a character that the end cuts off', async () => {
  for (const chunks of cuts(Buffer.concat([Buffer.from('one\ntwo '), Buffer.from('写').subarray(0, 2)])))
    await expect(decoded(chunks)).rejects.toThrow('is not UTF-8 text: line 2');
});
