import { captionOf, SampleCollector, sampleCount } from '../../src/dataset/samples';
import { Vocabulary } from '../../src/dataset/vocabulary';
import { WordNumbers } from '../../src/dataset/word-numbers';

const CAPTIONS: [string, number | undefined][] = [
  ['a cat', 2],
  ['A dog!', 0],
  ['a rejected picture', undefined],
  ['...', 1],
  ['one two three four five', 1],
  ['dog', 0],
];

function collected(idOf: (word: string) => number) {
  const collector = new SampleCollector(4, idOf);
  for (const [caption, row] of CAPTIONS) collector.add(caption, row);
  return collector;
}

test('captions keep their rows; what cannot be trained on is counted', () => {
  const numbers = new WordNumbers();
  const collector = collected((word) => numbers.number(word));
  const samples = collector.samples();
  expect(collector.dropped).toEqual({ tooLong: 1, withoutWords: 1, withoutFeature: 1 });
  expect(sampleCount(samples)).toBe(3);
  expect([...samples.rows]).toEqual([2, 0, 0]);

  const vocabulary = Vocabulary.ofCounts(numbers.counts(), 1);
  expect(vocabulary.toJSON().words.slice(4)).toEqual(['a', 'dog', 'cat']);
  numbers.toIds(samples.ids, vocabulary);
  expect([0, 1, 2].map((sample) => vocabulary.decode(captionOf(samples, sample)).join(' '))).toEqual(['a cat', 'a dog', 'dog']);
  expect([...captionOf(samples, 2)]).toEqual([1, 5, 2]);
});

test('numbering first and naming ids later is the same as knowing the vocabulary', () => {
  const numbers = new WordNumbers();
  const later = collected((word) => numbers.number(word)).samples();
  const vocabulary = Vocabulary.ofCounts(numbers.counts(), 2);
  numbers.toIds(later.ids, vocabulary);
  expect(later).toEqual(collected((word) => vocabulary.id(word)).samples());
  expect([...later.ids]).toContain(3);
});
