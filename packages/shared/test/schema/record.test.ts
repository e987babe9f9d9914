import { canonicalJson } from '../../src/hash';
import { CONTROL_FORMAT, ControlRecord } from '../../src/schema/control';
import { encodeRecord, parseRecord } from '../../src/schema/record';

const parse = (body: Buffer) => parseRecord(ControlRecord, CONTROL_FORMAT, body, 'runs/r/control.json');

test('a record is read back, and key order does not change its bytes', () => {
  const body = encodeRecord({ state: 'paused', formatVersion: 1 });
  expect(parse(body)).toEqual({ formatVersion: 1, state: 'paused' });
  expect(encodeRecord({ formatVersion: 1, state: 'paused' })).toEqual(body);
  expect(canonicalJson({ b: [{ d: 1, c: 2 }], a: null })).toBe('{"a":null,"b":[{"c":2,"d":1}]}');
});

test.each([
  ['no JSON', Buffer.from('{'), 'CORRUPT_OBJECT'],
  ['another version', encodeRecord({ formatVersion: 2, state: 'paused' }), 'FORMAT_VERSION'],
  ['no version', encodeRecord({ state: 'paused' }), 'CORRUPT_OBJECT'],
  ['null', Buffer.from('null'), 'CORRUPT_OBJECT'],
  ['a list', Buffer.from('[1]'), 'CORRUPT_OBJECT'],
  ['text', Buffer.from('"x"'), 'CORRUPT_OBJECT'],
  ['a wrong value', encodeRecord({ formatVersion: 1, state: 'asleep' }), 'CORRUPT_OBJECT'],
])('%s is refused with its key', (_name, body, code) => {
  expect(() => parse(body)).toThrow(expect.objectContaining({ code, message: expect.stringContaining('runs/r/control.json') as unknown }));
});
