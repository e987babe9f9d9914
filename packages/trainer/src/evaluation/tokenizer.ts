import { ABBREVIATIONS, DIGIT_RULES, LETTER, LETTER_RULES, OTHER_RULES, type TokenRule } from './ptb-rules';

/** coco-caption's list of tokens that are not compared. It has brackets in upper case, so that they do count. */
const PUNCTUATION: ReadonlySet<string> = new Set(["''", "'", '``', '`', '.', '?', '!', ',', ':', '-', '--', '...', ';']);

/** Most of what captions are made of, to spare it the rules: a word with white space, or one sign and white space, behind it. */
const PLAIN_WORD = /([A-Za-z]+)(?:[,;:!?]?[ \n]+|(\.)\s*$)/y;
const CONTRACTED: ReadonlySet<string> = new Set(['cannot', 'gonna', 'gotta', 'lemme', 'gimme', 'wanna']);
/** The tokeniser knows no characters beyond the basic plane; it drops them, and a token ends there. */
const BEYOND_BASIC_PLANE = /[\u{10000}-\u{10FFFF}]|\p{Cs}/gu;
const DROPPED = '\u200B';
const BEGINS_WITH_LETTER = new RegExp(LETTER, 'uy');
const BEGINS_WITH_DIGIT = /\p{Nd}/uy;

/**
 * The tokens of a caption as coco-caption has them: Penn Treebank tokenisation (`dog's` → `dog 's`, `don't` → `do n't`), lower case,
 * punctuation left out. The same caption has the same tokens whatever it stands beside in a file: its end counts as the end of a
 * sentence. Line breaks are white space.
 */
export function tokenize(caption: string): string[] {
  const text = `${caption.replace(BEYOND_BASIC_PLANE, DROPPED)}\n`;
  const tokens: string[] = [];
  let place = 0;
  while (place < text.length) {
    PLAIN_WORD.lastIndex = place;
    const plain = PLAIN_WORD.exec(text);
    if (plain !== null) {
      const word = plain[1]!.toLowerCase();
      if (!CONTRACTED.has(word) && (plain[2] === undefined || (word.length > 1 && !ABBREVIATIONS.has(word)))) {
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

/** @returns the token at `place`, empty where there is none, and where the next one may begin. */
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
    token = change === undefined ? taken : change(taken);
    end = place + taken.length;
  }
  return { token, end };
}

function rulesAt(text: string, place: number): readonly TokenRule[] {
  BEGINS_WITH_LETTER.lastIndex = place;
  if (BEGINS_WITH_LETTER.test(text)) return LETTER_RULES;
  BEGINS_WITH_DIGIT.lastIndex = place;
  return BEGINS_WITH_DIGIT.test(text) ? DIGIT_RULES : OTHER_RULES;
}
