import { batchAt, batchCount, epochOrder } from '../../src/dataset/batches';
import { captionSamples, usableCaptions } from '../../src/dataset/samples';
import { Vocabulary } from '../../src/dataset/vocabulary';

const split = {
  imageIds: ['1', '2', '3'],
  fileNames: ['1.jpg', '2.jpg', '3.jpg'],
  features: Float32Array.of(1, 1, 2, 2, 3, 3),
  dimension: 2,
};
const rows = [
  { imageId: '3', caption: 'a cat' },
  { imageId: '1', caption: 'a dog' },
  { imageId: '9', caption: 'a rejected picture' },
  { imageId: '2', caption: '...' },
  { imageId: '2', caption: 'one two three four five' },
  { imageId: '1', caption: 'dog' },
];
const usable = usableCaptions(split, rows, 4);
const vocabulary = Vocabulary.build(usable.words, 1);
const samples = captionSamples(split, usable, vocabulary);

test('captions find their features; what cannot be trained on is counted', () => {
  expect([...samples.rows]).toEqual([2, 0, 0]);
  expect(samples.captions.map((ids) => vocabulary.decode(ids).join(' '))).toEqual(['a cat', 'a dog', 'dog']);
  expect(usable.dropped).toEqual({ tooLong: 1, withoutWords: 1, withoutFeature: 1 });
});

test('an epoch sees every sample once, in an order of its own that seed and epoch alone decide', () => {
  const order = epochOrder(7, 3, 1000);
  expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, index) => index));
  expect(epochOrder(7, 3, 1000)).toEqual(order);
  expect(epochOrder(7, 4, 1000)).not.toEqual(order);
  expect(epochOrder(8, 3, 1000)).not.toEqual(order);
});

test('batches hold the features of their captions; the last one is smaller', () => {
  expect(batchCount(3, 2)).toBe(2);
  const order = Uint32Array.of(2, 0, 1);
  const first = batchAt(samples, order, 2, 0);
  expect([...first.features]).toEqual([1, 1, 3, 3]);
  expect(first.captions).toEqual([samples.captions[2], samples.captions[0]]);
  const last = batchAt(samples, order, 2, 1);
  expect([...last.features]).toEqual([1, 1]);
  expect(last.captions).toEqual([samples.captions[1]]);
});
