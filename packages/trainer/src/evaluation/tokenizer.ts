import { ABBREVIATIONS, DIGIT_RULES, LETTER_RULES, OTHER_RULES, type TokenRule } from './ptb-rules';

/** coco-caption's list of tokens that are not compared. Its names of brackets are in upper case there, so that brackets do count. */
const PUNCTUATION: ReadonlySet<string> = new Set(["''", "'", '``', '`', '.', '?', '!', ',', ':', '-', '--', '...', ';']);

/** Most of what captions are made of: a word with what may follow it, then a space or the end. */
const PLAIN_WORD = /([A-Za-z]+)(?:[,;:!?]?(?: +|$)|(\.)\s*$)/y;
const ASSIMILATED: ReadonlySet<string> = new Set(['cannot', 'gonna', 'gotta', 'lemme', 'gimme', 'wanna']);
const ASTRAL = /[\u{10000}-\u{10FFFF}]|\p{Cs}/gu;
const LETTER = /\p{L}|\p{M}|&[aeiouAEIOU](?:acute|grave|uml);/uy;
const DIGIT = /\p{Nd}/uy;

/**
 * The tokens of a caption as coco-caption has them: Penn Treebank tokenisation (`dog's` → `dog 's`, `don't` → `do n't`), lower case,
 * punctuation left out. The same text gives the same tokens whatever stands beside it in a file.
 */
export function tokenize(caption: string): string[] {
  // The tokeniser knows no characters beyond the basic plane: it drops them, and a token ends there.
  const text = caption.replace(ASTRAL, '\u200B');
  const tokens: string[] = [];
  let place = 0;
  while (place < text.length) {
    PLAIN_WORD.lastIndex = place;
    const plain = PLAIN_WORD.exec(text);
    if (plain !== null) {
      const word = plain[1]!.toLowerCase();
      if (!ASSIMILATED.has(word) && (plain[2] === undefined || (word.length > 1 && !ABBREVIATIONS.has(word)))) {
        tokens.push(word);
        place = PLAIN_WORD.lastIndex;
        continue;
      }
    }
    const { token, end } = longestMatch(text, place);
    place = end;
    const lower = token.toLowerCase();
    if (lower !== '' && !PUNCTUATION.has(lower)) tokens.push(lower);
  }
  return tokens;
}

/** @returns the token at `place`, and where the next one may begin; no token where the tokeniser knows none. */
function longestMatch(text: string, place: number): { token: string; end: number } {
  let longest = 0;
  let token = '';
  let end = place + 1;
  for (const { pattern, change } of rulesAt(text, place)) {
    pattern.lastIndex = place;
    const match = pattern.exec(text);
    if (match === null || match[0].length <= longest) continue;
    longest = match[0].length;
    const taken = match.slice(1).find((group) => group !== undefined) ?? match[0];
    token = change ? change(taken) : taken;
    end = place + taken.length;
  }
  return { token, end };
}

function rulesAt(text: string, place: number): readonly TokenRule[] {
  LETTER.lastIndex = place;
  if (LETTER.test(text)) return LETTER_RULES;
  DIGIT.lastIndex = place;
  return DIGIT.test(text) ? DIGIT_RULES : OTHER_RULES;
}
