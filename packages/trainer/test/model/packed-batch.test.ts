import { packBatch } from '../../src/model/packed-batch';

const limits = { dimension: 2, vocabularySize: 10, steps: 5 };
const caption = (...words: number[]) => Int32Array.from([1, ...words, 2]);
const numbers = (values: BigInt64Array) => [...values].map(Number);

test('rows longest first, tokens step after step, counts of running rows', () => {
  const packed = packBatch(
    { features: Float32Array.of(0, 0.5, 1, 1.5, 2, 2.5), captions: [caption(4), caption(5, 6, 7), caption(8)] },
    limits,
  );
  expect([...packed.features]).toEqual([1, 1.5, 0, 0.5, 2, 2.5]);
  expect(numbers(packed.running)).toEqual([3, 3, 1, 1, 0]);
  expect(numbers(packed.tokens)).toEqual([1, 1, 1, 5, 4, 8, 6, 7]);
  expect(numbers(packed.targets)).toEqual([5, 4, 8, 6, 2, 2, 7, 2]);
  expect([...packed.weights]).toEqual(Array(8).fill(1 / 8));
});

test('weights go with their tokens', () => {
  const packed = packBatch(
    {
      features: new Float32Array(4),
      captions: [caption(4), caption(5, 6)],
      weights: [Float32Array.of(1, 2), Float32Array.of(3, 4, 5)],
    },
    limits,
  );
  expect([...packed.weights]).toEqual([3, 1, 4, 2, 5]);
});

test('an empty caption is START and END; the longest fills every step', () => {
  const packed = packBatch({ features: new Float32Array(4), captions: [caption(), caption(3, 4, 5, 6)] }, limits);
  expect(numbers(packed.running)).toEqual([2, 1, 1, 1, 1]);
});

test('a batch that does not fit is refused, saying why', () => {
  const pack = (captions: Int32Array[], rest: object = {}) =>
    packBatch({ features: new Float32Array(captions.length * 2), captions, ...rest }, limits);
  expect(() => pack([])).toThrow('Expected at least one caption for a batch but received none');
  expect(() => pack([caption(4)], { features: new Float32Array(3) })).toThrow(
    'Expected 1 × 2 numbers for the features of a batch of 1 but received 3',
  );
  expect(() => pack([caption(3, 4, 5, 6, 7)])).toThrow('Expected START, at most 4 words and END for caption 0 but received 7 tokens');
  expect(() => pack([Int32Array.of(1, 4, 5)])).toThrow('Expected START, at most 4 words and END for caption 0');
  expect(() => pack([caption(10)])).toThrow('Expected token ids below 10 for caption 0 but received 10');
  expect(() => pack([caption(4)], { weights: [] })).toThrow('Expected weights for 1 captions but received 0');
  expect(() => pack([caption(4)], { weights: [new Float32Array(3)] })).toThrow('Expected 2 weights for caption 0 but received 3');
});
