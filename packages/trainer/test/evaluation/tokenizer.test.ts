import fc from 'fast-check';
import { tokenize } from '../../src/evaluation/tokenizer';

const tokens = (caption: string) => tokenize(caption).join(' ');

/** Expected values: Stanford CoreNLP 3.4.1, `PTBTokenizer -preserveLines -lowerCase`, without coco-caption's punctuation. */
const CASES: readonly [caption: string, expected: string][] = [
  ['A Dog runs, jumps; and swims.', 'a dog runs jumps and swims'],
  ["It's the dog's bone, the dogs' bone.", "it 's the dog 's bone the dogs bone"],
  ["They don't, can't, won't and ain't; donn't.", "they do n't ca n't wo n't and ai n't donn t"],
  ["I'd say he'll, they've, we're, I'm.", "i 'd say he 'll they 've we 're i 'm"],
  ['You cannot; gonna wanna gotta gimme lemme.', 'you can not gon na wan na got ta gim me lem me'],
  ["O'Brien's o'clock, y'all, ma'am, rock 'n' roll, the '90s, 'tis", "o'brien 's o'clock y' all ma'am rock 'n' roll the '90s 't is"],
  ['A “curly” dog’s ‘tail’ — it’s nice…', "a curly dog 's tail it 's nice"],
  ['A t-shirt, black-and-white three-year-old, 4-wheeler, P-40.', 'a t-shirt black-and-white three-year-old 4-wheeler p-40'],
  ['-dog- dog--cat -- --- -----', 'dog dog cat -----'],
  ['skating/skiing and/or w/o w/ a/b/c/d', 'skating/skiing and/or w/o w / a/b/c / d'],
  ['1/2 of ½, 24/7, 12/25/2010', '1/2 of 1/2 24/7 12/25/2010'],
  ['One and 1 1/2 cups', 'one and 1\u00a01/2 cups'],
  ['It is 8:25. At 5:30pm, 5 p.m. or 10 a.m', 'it is 8:25 at 5:30 pm 5 p.m. or 10 a.m'],
  ['$5.00, US$5, £5, €5, 5¢, 50%, #25, -5', '$ 5.00 us$ 5 # 5 $ 5 5 cents 50 % # 25 -5'],
  ['No. 5, no. five, fig. 3', 'no. 5 no five fig. 3'],
  ['Mr. Smith of St. Louis Ave., Inc. etc. vs. the U.S. and U.K.', 'mr. smith of st. louis ave. inc. etc. vs. the u.s. and u.k.'],
  ['Plan B. The dog sees J. Smith and vitamin C.', 'plan b the dog sees j. smith and vitamin c'],
  ['ready to bat., eggs,doughnuts eggs.doughnuts', 'ready to bat. eggs doughnuts eggs.doughnuts'],
  ['Q&A, AT&T, b&w, mac & cheese, A&amp;B, a &lt; b', 'q&a at&t b & w mac & cheese a&b a < b'],
  ['at www.example.com/a1 or example.com. Mail me@example.org!', 'at www.example.com/a1 or example.com mail me@example.org!'],
  ['(left) [right] {both} <b>bold</b>', '-lrb- left -rrb- -lsb- right -rsb- -lcb- both -rcb- <b> bold </b>'],
  ['Nice :-) :D ^_^ (5)', 'nice :--rrb- :d ^_^ -lrb- 5 -rrb-'],
  ['What?! Wow!!! Why?', 'what ?! wow !!! why'],
  ['a_b @you #tag * ** 5°C ™', 'a_b @you #tag * ** 5 ° c ™'],
  ['Café, cafe\u0301, naïve; 犬が走る。', 'café cafe\u0301 naïve 犬が走る 。'],
  ['a 😀 dog\u200Bcat', 'a dog cat'],
  ['a\ndog\r\n\tcat\u00A0bird  ', 'a dog cat bird'],
  ['', ''],
  [' . ', ''],
];

test.each(CASES)('%j', (caption, expected) => expect(tokens(caption)).toBe(expected));

test('a token has no ASCII space, and none is empty or punctuation', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...Array.from('aAbst059 .,\'-/&!?()<>@#$"\u2019\u00a0é😀\n')) }), (caption) => {
      for (const token of tokenize(caption)) expect(token).toMatch(/^(?![.,:;?!'-]$)[^ \n]+$/);
    }),
  );
});

test('any text has tokens, in little time whatever its length', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (caption) => expect(tokenize(caption)).toBeInstanceOf(Array)));
  for (const part of ['a', '.', '-', 'a.', "'", '5,', '@', 'a@', '<', '&', '( '])
    expect(tokenize(part.repeat(3_000)).length).toBeGreaterThanOrEqual(0);
});

test('words are the same in any case, with any spaces between them', () => {
  const word = fc.stringMatching(/^[a-z]{3,9}$/).filter((text) => !/^(cannot|gonna|gotta|lemme|gimme|wanna)$/.test(text));
  fc.assert(
    fc.property(fc.array(word), (words) => {
      expect(tokenize(words.join(' '))).toEqual(words);
      expect(tokenize(`  ${words.join('  ').toUpperCase()} `)).toEqual(words);
    }),
  );
});
