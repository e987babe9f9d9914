import { wordsOf } from '../../src/dataset/words';

test.each([
  ['A dog runs.', ['a', 'dog', 'runs']],
  ["The DOG's ball , isn't red", ['the', "dog's", 'ball', "isn't", 'red']],
  ['A dog\u2019s black-and-white ball', ['a', "dog's", 'black', 'and', 'white', 'ball']],
  ["'quoted' 2 dogs", ['quoted', '2', 'dogs']],
  ['Cafe\u0301 \u00c9t\u00c9', ['caf\u00e9', '\u00e9t\u00e9']],
  ['\u0434\u0432\u0435 \u0421\u041e\u0411\u0410\u041a\u0418!', ['\u0434\u0432\u0435', '\u0441\u043e\u0431\u0430\u043a\u0438']],
  ['\u{1F415} ... ', []],
  ['', []],
])('%j', (caption, words) => {
  expect(wordsOf(caption)).toEqual(words);
});
