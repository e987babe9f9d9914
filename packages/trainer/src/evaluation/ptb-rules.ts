/**
 * What the Penn Treebank tokeniser of coco-caption (Stanford CoreNLP 3.4.1) takes for one token, found out by asking it. Of the
 * rules that match at a place the longest match counts, of equally long ones the first, as in a lexer. Text ends in a line break.
 */
export interface TokenRule {
  /** Sticky. What is in its first group, where it has one, is the token; the rest is context, which counts for the length of the match. */
  readonly pattern: RegExp;
  /** What the token becomes; as it stands where absent. */
  readonly change?: (token: string) => string;
}

const rule = (pattern: string, flags = '', change?: TokenRule['change']): TokenRule => ({
  pattern: new RegExp(pattern, `uy${flags}`),
  ...(change && { change }),
});
const oneOf = (words: string) => `(?:${words.replaceAll(' ', '|')})`;
const capitalised = (words: string) => words.replace(/\b[a-z]/g, (letter) => letter.toUpperCase());

const SPACE = String.raw`[ \t\u00A0\u2000-\u200A\u3000]`;
const LETTER_OF_ENTITY = '&[aeiouAEIOU](?:acute|grave|uml);';
/** Those of the scripts that people write captions in; other marks end a word. */
const MARK = String.raw`\u00AD\u02C2-\u036F\u0483-\u0487\u0591-\u05BD\u05BF\u05C1\u05C2\u05C4\u05C5\u05C7\u0610-\u061A\u064B-\u0670\u06D6-\u06ED\u0730-\u074A\u0900-\u0903\u093C-\u0957\u0962\u0963`;
export const LETTER = String.raw`(?:[\p{L}${MARK}]|${LETTER_OF_ENTITY})`;
const LETTER_OR_DIGIT = String.raw`(?:[\p{L}\p{Nd}${MARK}]|${LETTER_OF_ENTITY})`;
const PLAIN = String.raw`[\p{L}\p{Nd}]`;
const HYPHEN = String.raw`[-\u058A\u2010\u2011]`;
const APOSTROPHE = String.raw`(?:['\u0092\u2019]|&apos;)`;
const ANY_APOSTROPHE = String.raw`(?:['\u0060\u0091\u0092\u2018\u2019\u201B]|&apos;)`;

/** `dog`, and as one token `node.js`, `hey!you` */
const WORD = `${LETTER}${LETTER_OR_DIGIT}*(?:[.!?]${LETTER}${LETTER_OR_DIGIT}*)*`;
/** `U.S`, `e.g`: without the last full stop. */
const ACRONYM = String.raw`[A-Za-z](?:\.[A-Za-z])+`;
/** `t-shirt`, `1.5-inch`, `U.S.-led` */
const HYPHENATED = String.raw`[A-Za-z0-9][A-Za-z0-9.,\u00AD]*(?:${HYPHEN}(?:${ACRONYM}\.|[A-Za-z0-9\u00AD]+))+`;
/** `a_b`, `café-bar`, `O'Brien-d'Este` */
const JOINED = `(?:[dDoOlL]${ANY_APOSTROPHE}${PLAIN})?${PLAIN}+(?:(?:_|${HYPHEN})(?:[dDoOlL]${ANY_APOSTROPHE}${PLAIN})?${PLAIN}+)+`;
/** 5, 5.5, 5:30, 5,000, .5 */
const NUMERAL = String.raw`(?:\p{Nd}+(?:[.:,\u00AD\u066B\u066C]\p{Nd}+)*|(?:[.:,\u00AD\u066B\u066C]\p{Nd}+)+)`;
/** The `'s` of `dog's`, with the character after it. */
const CLITIC = `${APOSTROPHE}(?:[msdMSD]|[rR][eE]|[vV][eE]|[lL][lL])`;
const URL_INSIDE = String.raw`[^ \t\n\f\r"<>|()]`;
const URL_LAST = String.raw`[^ \t\n\f\r"<>|.!?(){},-]`;
const URL_PATH = `(?:/${URL_INSIDE}+${URL_LAST})?`;
const MARKUP_NAME = '[A-Za-z][A-Za-z0-9_:.-]*';
const MARKUP_ATTRIBUTE = String.raw` +${MARKUP_NAME}(?: *= *(?:"[^"]*"|'[^']*'))?`;

/** Abbreviations that keep their full stop, unless they begin a longer word: `St.Louis`. */
const TITLES =
  'adj adm adv alex assoc asst atty ave brig capt cf cie cmdr col comdr cpl dept det dr drs elec ens ft gen gov govs hon insp invt jos lt maj messrs mfg mlle mme mr mrs ms msgr mt mtg natl pfc ph pres prof pvt rep reps rev sen sens sfc sgt spc st ste supt treas vs wm';
/** As `TITLES`, but a single character after them is no part of them either: `etc.a`. */
const ENDINGS =
  'al ala apr ariz assn aug bhd bldg blvd bros calif co colo conn corp cos ct dak dec esq est etc ext feb fla fri ga inc ind intl jan jr jul jun kan kans ky ltd mar md mich minn mo mon mont neb nev nov oct okla penn plc ppte ppty pte ptes pty ptys rd rt sep sept seq sq sr sys tel tenn thu thurs tue tues univ va vt wed wis wisc wyo';
/** As `ENDINGS`, but in lower case they are words. */
const STATES = 'ark az del ill la mass miss ore pa tex wash';
/** Keep their full stop before a number. */
const BEFORE_NUMBER = 'art ca fig figs no nos prop';

/** All of these, in lower case and without the full stop. */
export const ABBREVIATIONS: ReadonlySet<string> = new Set(`${TITLES} ${ENDINGS} ${STATES} ${BEFORE_NUMBER}`.split(' '));

/** Begin a sentence: before one of them, the full stop after a single letter ends the sentence before. */
const STARTERS =
  'a about according additionally after an and as at but earlier he her here however if in it last many more now once one other our she since so some such that the their then there these they this we what when while yet you';

const nonBreaking = (token: string) => token.replace(/[ \t]/g, '\u00A0');
const BRACKETS: Readonly<Record<string, string>> = {
  '(': '-lrb-',
  ')': '-rrb-',
  '[': '-lsb-',
  ']': '-rsb-',
  '{': '-lcb-',
  '}': '-rcb-',
};
const QUOTATION_MARKS: Readonly<Record<string, string>> = Object.fromEntries(
  [
    ['`', '`\u0091\u2018\u201B\u2039'],
    ["'", '\u0092\u2019\u203A'],
    ['``', '\u0093\u201C\u00AB'],
    ["''", '\u0094\u201D\u00BB'],
  ].flatMap(([name, marks]) => marks!.split('').map((mark) => [mark, name!])),
);
const parentheses = (token: string) => token.replace(/[()]/g, (bracket) => BRACKETS[bracket]!);
const apostrophes = (token: string) => token.replace(/['\u0092\u2019]|&apos;/g, "'").replace(/[\u0091\u2018\u201B]/g, '`');
const ampersands = (token: string) => token.replaceAll('&amp;', '&');

const ADDRESSES: readonly TokenRule[] = [
  rule(`https?://${URL_INSIDE}+${URL_LAST}`),
  rule(String.raw`www\.(?:[^ \t\n\f\r"<>|.!?(){},]+\.)+[a-zA-Z]{2,4}${URL_PATH}`),
  rule(String.raw`(?:[^ \t\n\f\r"\u0060'<>|.!?(){},-_$]+\.)+(?:com|net|org|edu)${URL_PATH}`),
  rule(String.raw`<?[a-zA-Z0-9][^ \t\n\f\r"<>|(){}\u00A0]*@(?:[^ \t\n\f\r"<>|().{}\u00A0]+\.)*[^ \t\n\f\r"<>|().{}\u00A0]+>?`),
];

const ANYWHERE: readonly TokenRule[] = [
  rule(HYPHENATED),
  rule(JOINED),
  // Parts with slashes, at most three: `and/or`, `24/7`.
  rule(String.raw`[A-Za-z0-9]+(?:-[A-Za-z]+){0,2}(?:\\?/[A-Za-z0-9]+(?:-[A-Za-z]+){0,2}){1,2}`),
  // A full stop before a comma or colon belongs to the word: `bat.,`
  rule(String.raw`((?:${HYPHENATED}|${JOINED}|${WORD}|${PLAIN}+)\.)[,;:\u3001]`),
  rule(
    String.raw`${PLAIN}+(?:\.${PLAIN}+)*\.(?:bat|bmp|c|class|cgi|cpp|dll|doc|docx|exe|gif|gz|h|htm|html|jar|java|jpeg|jpg|mov|mp3|pdf|php|pl|png|ppt|ps|py|sql|tar|txt|wav|x|xml|zip|3gp|wm[va]|avi|flv|mp[34g])(?=[\s.?!,])`,
    'i',
  ),
  ...ADDRESSES,
];

/** Tokens that begin with a letter. */
export const LETTER_RULES: readonly TokenRule[] = [
  // `cannot` is `can not`, `gonna` is `gon na`.
  rule('(can)not|(gon|wan)na|(got)ta|(lem|gim)me', 'i'),
  // `don't` is `do n't`, but `donn't` is not.
  rule(`([A-Za-z]*[A-MO-Za-mo-z])[nN]${ANY_APOSTROPHE}[tT]`),
  rule(`[nN]${ANY_APOSTROPHE}[tT]`, '', apostrophes),
  rule(WORD),
  rule(`(${WORD})${CLITIC}[^A-Za-z]`),
  rule(String.raw`${ACRONYM}\.`),
  rule(String.raw`([A-Za-z])\.(?:\s+(?:${oneOf(capitalised(STARTERS))}|${oneOf(STARTERS.toUpperCase())}|Mr\.)\s|\s+$)`),
  rule(String.raw`[A-Za-z]\.`),
  rule(String.raw`${oneOf(TITLES)}\.`, 'i'),
  rule(String.raw`((?:${oneOf(ENDINGS)}|Ph\.D|Ed\.D)\.)(?:[^][^])?`, 'i'),
  rule(String.raw`(${oneOf(`${capitalised(STATES)} ${STATES.toUpperCase()}`)}\.)(?:[^][^])?`),
  rule(String.raw`(${oneOf(BEFORE_NUMBER)}\.)${SPACE}?\p{Nd}`, 'i'),
  // O'Brien, l'amour; N'Sync; ma'am.
  rule(`[dDoOlL]${ANY_APOSTROPHE}${LETTER_OR_DIGIT}{2,}|[oO]${ANY_APOSTROPHE}[oO]|[A-HJ-XZn]${ANY_APOSTROPHE}${LETTER}{2,}`),
  rule(`${LETTER}+[aeiouyAEIOUY]${ANY_APOSTROPHE}[aeiouA-Z]${LETTER}*`),
  rule(`[lLdDjJ]${APOSTROPHE}`),
  rule(`([yY]${APOSTROPHE})(?![msdMSD]|[lL][lL]|re|ve)${LETTER}`),
  rule(
    String.raw`(?:c${APOSTROPHE}est|Cap${APOSTROPHE}n|Dunkin${APOSTROPHE}|somethin${APOSTROPHE}|ol${APOSTROPHE}|cont${APOSTROPHE}d\.)`,
    'i',
  ),
  rule("e'er|c'mon|li'l|nor'easter|s'mores|ev'ry|nat'l", 'i'),
  rule(String.raw`[A-Z]+(?:(?:[+&]|&amp;)[A-Z]+)+`, '', ampersands),
  rule(String.raw`C\.D\.s|pro-|anti-|S(?:&|&amp;)P-500|S(?:&|&amp;)Ls|[cC]\+\+|[cCfF]#|[A-Z]+\$`, '', ampersands),
  rule("x_[-^x=~<>']"),
  ...ANYWHERE,
];

/** Tokens that begin with a digit. */
export const DIGIT_RULES: readonly TokenRule[] = [
  rule(NUMERAL),
  rule(`${PLAIN}+`),
  // 1/2, 1 1/2
  rule(String.raw`(?:\p{Nd}{1,4}[- \u00A0])?\p{Nd}{1,4}(?:\\?/|\u2044)\p{Nd}{1,4}`, '', (token) =>
    nonBreaking(token).replace('\u2044', '/'),
  ),
  rule(String.raw`\p{Nd}{1,2}[-/]\p{Nd}{1,2}[-/]\p{Nd}{2,4}`),
  // What could be a telephone number.
  rule(
    String.raw`(?:[0-9]{2,4}[- \u00A0])?[0-9]{2,4}[- \u00A0][0-9]{3,4}[- \u00A0]?[0-9]{3,5}|(?:[0-9]{2,4}\.)?[0-9]{2,4}\.[0-9]{3,4}\.[0-9]{3,5}`,
    '',
    nonBreaking,
  ),
  ...ANYWHERE,
];

/** Tokens that begin with anything else. */
export const OTHER_RULES: readonly TokenRule[] = [
  ...ADDRESSES,
  rule(`[-+]?${NUMERAL}`),
  rule(
    String.raw`(?:\([0-9]{2,3}\)[ \u00A0]?|\+\+?(?:[0-9]{2,4}[- \u00A0])?[0-9]{2,4}[- \u00A0])[0-9]{3,4}[- \u00A0]?[0-9]{3,5}`,
    '',
    (token) => parentheses(nonBreaking(token)),
  ),
  rule(`(${CLITIC})[^A-Za-z]`, '', apostrophes),
  rule("('t)(?:is|was)", 'i'),
  rule(`${APOSTROPHE}(?:n${APOSTROPHE}?|em|till?|cause|[2-9]0s)`, 'i'),
  rule(String.raw`(${APOSTROPHE}[0-9][0-9])\s`),
  rule(String.raw`<(?:[!?][A-Za-z-][^>\r\n]*|/${MARKUP_NAME} *|${MARKUP_NAME}(?:${MARKUP_ATTRIBUTE})* */? *)>`, '', nonBreaking),
  rule('&amp;', 'i', () => '&'),
  rule('&lt;', 'i', () => '<'),
  rule('&gt;', 'i', () => '>'),
  rule('&(?:quot|[mn]dash);', 'i', () => '--'),
  rule('&#[0-9]+;'),
  // :-) and (^_^)
  rule(String.raw`([<>]?[:;=][-o*']?[)(DPdpO\\{@|[\]])[^A-Za-z0-9]`, '', parentheses),
  rule(String.raw`[-^x=~<>']_[-^x=~<>']|\([-^x=~<>'](?:[_.]?[-^x=~<>']|-[\^x=~<>'])\)`, '', parentheses),
  rule('@[a-zA-Z_][a-zA-Z_0-9]*'),
  rule(`#${LETTER}+`),
  // Dashes, ellipses, quotation marks: as the tokens that `tokenize` leaves out. A line of five hyphens is not one of them.
  rule(String.raw`-{1,4}(?!-)|[\u0096\u0097\u2013-\u2015]`, '', () => '--'),
  rule('-+'),
  rule(String.raw`\.{3,5}|[.\u2026\u0085]`, '', () => '...'),
  // An opening one: `'nearly` is not `'n` and `early`.
  rule(String.raw`(')[A-Za-z][^ \t\n\r\u00A0]`),
  rule(CLITIC, '', apostrophes),
  rule("''?|\"|&apos;", '', () => "'"),
  rule('[`\u0091-\u0094\u2018\u2019\u201B-\u201D\u2039\u203A\u00AB\u00BB]{1,2}', '', (token) =>
    token.replace(/./gu, (mark) => QUOTATION_MARKS[mark]!),
  ),
  rule('[!?]+'),
  rule(String.raw`#+|@+|_+|\*+|(?:\\\*){1,3}|<<|>>|[\u00B2\u00B3\u00B9\u2070\u2074-\u2079]+|[\u2080-\u2089]+`),
  rule(String.raw`[()[\]{}]`, '', (token) => BRACKETS[token]!),
  rule('[\u0080\u00A4\u20A0\u20AC]', '', () => '$'),
  rule('\u00A3', '', () => '#'),
  rule('\u00A2', '', () => 'cents'),
  rule('[\u00BC-\u00BE\u2153\u2154]', '', (token) => token.normalize('NFKC').replace('\u2044', '/')),
  // Any other sign but those that it has no token for.
  rule(
    String.raw`(?![\u2010-\u2012\u2024\u2025\u2027\u203C\u203D\u2043\u2045-\u205E\u20A1-\u20A3\u20A5-\u20AB\u20AD-\u20C0\u2150-\u2152\u215F-\u2182\u2185-\u218B\u2E00-\u2E5D\u3003-\u3011\u3013-\u303F\u3190-\u33FF\uFE10-\uFE6B\uFFE2-\uFFE4\uFFE8-\uFFFD])[\p{P}\p{S}\p{N}]`,
  ),
];
