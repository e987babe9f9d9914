import { Vocabulary } from '../../src/dataset/vocabulary';
import { wordsOf } from '../../src/dataset/words';

const captions = ['a dog and a cat', 'a cat', 'the dog', 'once'].map(wordsOf);

test('words come by frequency, ties by code point, rare ones not at all', () => {
  const vocabulary = Vocabulary.build(captions, 1);
  expect(vocabulary.toJSON().words).toEqual(['<pad>', '<start>', '<end>', '<unk>', 'a', 'cat', 'dog', 'and', 'once', 'the']);
  expect(Vocabulary.build(captions, 2).toJSON().words.slice(4)).toEqual(['a', 'cat', 'dog']);
});

test('the order of the captions does not matter', () => {
  expect(Vocabulary.build(captions.toReversed(), 1).toJSON()).toEqual(Vocabulary.build(captions, 1).toJSON());
});

test('encoding wraps in START and END and knows unknown words; decoding undoes it', () => {
  const vocabulary = Vocabulary.build(captions, 2);
  const ids = vocabulary.encode(['a', 'zebra', 'cat']);
  expect([...ids]).toEqual([1, 4, 3, 5, 2]);
  expect(vocabulary.decode(ids)).toEqual(['a', '<unk>', 'cat']);
});

test('its JSON form gives the same vocabulary again', () => {
  const vocabulary = Vocabulary.build(captions, 1);
  const again = Vocabulary.parse(JSON.parse(JSON.stringify(vocabulary)), 'vocabulary.json');
  expect(again.toJSON()).toEqual(vocabulary.toJSON());
  expect(again.size).toBe(10);
});

test.each([
  ['nothing', undefined],
  ['other special words', { formatVersion: 1, words: ['<start>', '<pad>', '<end>', '<unk>'] }],
  ['a word twice', { formatVersion: 1, words: ['<pad>', '<start>', '<end>', '<unk>', 'a', 'a'] }],
  ['another version', { formatVersion: 2, words: ['<pad>', '<start>', '<end>', '<unk>'] }],
])('%s is refused, naming the file', (_name, value) => {
  expect(() => Vocabulary.parse(value, 'x/vocabulary.json')).toThrow(
    expect.objectContaining({ code: 'CORRUPT_CHECKPOINT', message: expect.stringContaining('x/vocabulary.json') }),
  );
});
