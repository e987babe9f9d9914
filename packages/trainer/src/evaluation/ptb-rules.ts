/**
 * What the Penn Treebank tokeniser of coco-caption (Stanford CoreNLP 3.4.1) takes for one token, found out by comparing with it. Of the
 * rules that match at a place the longest match counts, of equally long ones the first, as in a lexer.
 */
export interface TokenRule {
  /** Sticky. What is in its first group, where it has one, is the token; the rest is context, which counts for the length of the match. */
  readonly pattern: RegExp;
  /** What the token becomes; as it stands where absent. */
  readonly change?: (token: string) => string;
}

/** Whitespace, and whatever the tokeniser knows no token for: it drops that, and a token ends there. */
export const SPACE = String.raw`[ \t\u00A0\u2000-\u200A\u3000]`;
const NEWLINE = String.raw`[\n\r\v\f\u0085\u2028\u2029]`;
const LETTER = String.raw`(?:[\p{L}\p{M}\u00AD\u200C\u200D]|&[aeiouAEIOU](?:acute|grave|uml);)`;
const LETTER_OR_DIGIT = String.raw`(?:[\p{L}\p{M}\p{Nd}\u00AD\u200C\u200D]|&[aeiouAEIOU](?:acute|grave|uml);)`;
/** Without marks: what follows a digit in `5th`. */
const PLAIN = String.raw`[\p{L}\p{Nd}]`;
const APOSTROPHE = String.raw`(?:['\u0092\u2019]|&apos;)`;
const ANY_APOSTROPHE = String.raw`(?:['\u0092\u2019\u0060\u0091\u2018\u201B]|&apos;)`;
const HYPHEN = String.raw`[-_\u058A\u2010\u2011]`;
/** 5, 5.5, 5:30, 5,000, .5 */
const NUMERAL = String.raw`(?:\p{Nd}+(?:[.:,\u00AD\u066B\u066C]\p{Nd}+)*|(?:[.:,\u00AD\u066B\u066C]\p{Nd}+)+)`;
const FRACTION = String.raw`(?:\p{Nd}{1,4}[- \u00A0])?\p{Nd}{1,4}(?:\\?/|\u2044)\p{Nd}{1,4}`;
const WORD = `${LETTER}${LETTER_OR_DIGIT}*(?:[.!?]${LETTER}${LETTER_OR_DIGIT}*)*`;
/** U.S, e.g, without the last full stop. */
const ACRONYM = String.raw`(?:[A-Za-z](?:\.[A-Za-z])+)`;
const HYPHENATED = `${PLAIN}(?:${PLAIN}|[.,\u00AD])*(?:${HYPHEN}(?:${ACRONYM}\\.|(?:${PLAIN}|\u00AD)+))+`;
/** What ends a URL: whitespace and brackets; punctuation only inside. */
const URL_INSIDE = String.raw`[^\s"<>|()]`;
const URL_LAST = String.raw`[^\s"<>|.!?(){},-]`;
const URL_PATH = `(?:/${URL_INSIDE}+${URL_LAST})?`;

/** Keep their full stop; lost to a longer word: `St.Louis`. */
const TITLES =
  'adj adm adv alex assoc asst atty ave brig capt cf cie cmdr col comdr cpl dept det dr drs elec ens ft gen gov govs hon insp invt jos lt maj messrs mfg mlle mme mr mrs ms msgr mt mtg natl pfc ph pres prof pvt rep reps rev sen sens sfc sgt spc st ste supt treas vs wm';
/** Keep their full stop, before a word of one letter too: `etc.a`. */
const ENDINGS =
  'al ala apr ariz assn aug bhd bldg blvd bros calif co colo conn corp cos ct dak dec esq est etc ext feb fla fri ga inc ind intl jan jr jul jun kan kans ky ltd mar md mich minn mo mon mont neb nev nov oct okla penn plc ppte ppty pte ptes pty ptys rd rt sep sept seq sq sr sys tel tenn thu thurs tue tues univ va vt wed wis wisc wyo';
/** As `ENDINGS`, but in lower case they are words. */
const STATES = 'ark az del ill la mass miss ore pa tex wash';
/** Keep their full stop before a number. */
const BEFORE_NUMBER = 'art ca figs? nos? prop';

/** Lower case, without the full stop. */
export const ABBREVIATIONS: ReadonlySet<string> = new Set(
  `${TITLES} ${ENDINGS} ${STATES} ${BEFORE_NUMBER.replaceAll('?', '')} fig no`.split(' '),
);
const oneOf = (words: string) => `(?:${words.replaceAll(' ', '|')})`;
const capitalised = (words: string) => words.replace(/\b[a-z]/g, (letter) => letter.toUpperCase());

/** Begin a sentence: before one of them, a full stop after a single letter ends the sentence before. */
const STARTERS =
  'a about according additionally after an and as at but earlier he her here however if in it last many more now once one other our she since so some such that the their then there these they this we what when while yet you';

const rule = (pattern: string, flags = '', change?: TokenRule['change']): TokenRule => ({
  pattern: new RegExp(pattern, `uy${flags}`),
  ...(change && { change }),
});
const nonBreaking = (token: string) => token.replace(/[ \t]/g, '\u00A0');
const bracketNames: Readonly<Record<string, string>> = {
  '(': '-lrb-',
  ')': '-rrb-',
  '[': '-lsb-',
  ']': '-rsb-',
  '{': '-lcb-',
  '}': '-rcb-',
};
const parentheses = (token: string) => token.replace(/[()]/g, (bracket) => bracketNames[bracket]!);
const apostrophes = (token: string) => token.replace(/['\u0092\u2019]|&apos;/g, "'").replace(/[\u0091\u2018\u201B]/g, '`');

/** `cannot` is `can` and `not`, `gonna` is `gon` and `na`. */
const ASSIMILATED = rule('(can)not|(gon|wan)na|(got)ta|(lem|gim)me', 'i');
/** `don't` is `do` and `n't`, `doesn't` is `does` and `n't`; `donn't` is none of these. */
const NEGATED = rule(`([A-Za-z]*[A-MO-Za-mo-z])n${ANY_APOSTROPHE}t`, 'i');
const NEGATION = rule(`n${ANY_APOSTROPHE}t`, 'i', apostrophes);
const URL_RULES = [
  rule(`https?://${URL_INSIDE}+${URL_LAST}`),
  rule(String.raw`www\.(?:[^\s"<>|.!?(){},]+\.)+[a-zA-Z]{2,4}${URL_PATH}`),
  rule(String.raw`(?:[^\s"\u0060'<>|.!?(){},\-_$]+\.)+(?:com|net|org|edu)${URL_PATH}`),
  rule(String.raw`[a-zA-Z0-9][^\s"<>|()]*@(?:[^\s"<>|().]+\.)*[^\s"<>|().]+`),
];
const FILE = rule(
  String.raw`${PLAIN}+(?:\.${PLAIN}+)*\.(?:bat|bmp|c|class|cgi|cpp|dll|doc|docx|exe|gif|gz|h|htm|html|jar|java|jpeg|jpg|mov|mp3|pdf|php|pl|png|ppt|ps|py|sql|tar|txt|wav|x|xml|zip|3gp|wm[va]|avi|flv|mp[34g])(?!${PLAIN})`,
  'i',
);
/** A full stop before a comma or colon belongs to the word: `bat.,` */
const STOPPED = rule(`((?:${HYPHENATED}|${WORD}|${PLAIN}+)\\.)[,;:\u3001]`);
/** Parts with slashes, at most three: `and/or`, `24/7`. */
const SLASHED = rule(`${PLAIN}+(?:-${PLAIN}+)*(?:/${PLAIN}+(?:-${PLAIN}+)*){1,2}`);

const SHARED = [rule(HYPHENATED), SLASHED, STOPPED, FILE, ...URL_RULES];

/** Rules of tokens that begin with a letter. */
export const LETTER_RULES: readonly TokenRule[] = [
  ASSIMILATED,
  NEGATED,
  NEGATION,
  rule(WORD),
  rule(String.raw`${ACRONYM}\.`),
  rule(
    String.raw`([A-Za-z])\.${SPACE}*(?:(?:${SPACE}|${NEWLINE})+(?:${oneOf(capitalised(STARTERS))}|${oneOf(STARTERS.toUpperCase())})(?:${SPACE}|${NEWLINE})|$)`,
  ),
  rule(String.raw`[A-Za-z]\.`),
  rule(String.raw`${oneOf(TITLES)}\.`, 'i'),
  rule(String.raw`((?:${oneOf(ENDINGS)}|Ph\.D|Ed\.D)\.)(?:[^][^])?`, 'i'),
  rule(String.raw`(${oneOf(`${capitalised(STATES)} ${STATES.toUpperCase()}`)}\.)(?:[^][^])?`),
  rule(String.raw`(${oneOf(BEFORE_NUMBER)}\.)${SPACE}?\p{Nd}`, 'i'),
  rule(`(?:[dDoOlL]${ANY_APOSTROPHE}${LETTER}${LETTER_OR_DIGIT}+|[A-HJ-XZn]${ANY_APOSTROPHE}${LETTER}{2,})`, '', apostrophes),
  rule(`${LETTER}+[aeiouyAEIOUY]${ANY_APOSTROPHE}[aeiouA-Z]${LETTER}*`, '', apostrophes),
  rule(
    `(?:e${APOSTROPHE}er|c${APOSTROPHE}mon|li${APOSTROPHE}l|c${APOSTROPHE}est|Cap${APOSTROPHE}n|Dunkin${APOSTROPHE}|somethin${APOSTROPHE}|ol${APOSTROPHE}|cont${APOSTROPHE}d\\.?)`,
    'i',
    apostrophes,
  ),
  rule(`[lLdDjJ]${APOSTROPHE}`, '', apostrophes),
  rule(`(y${APOSTROPHE})${LETTER}`, 'i', apostrophes),
  rule(String.raw`[A-Z]+(?:(?:[+&]|${SPACE}?&amp;${SPACE}?)[A-Z]+)+`, '', (token) => nonBreaking(token.replaceAll('&amp;', '&'))),
  rule(String.raw`C\.D\.s|pro-|anti-|S(?:&|&amp;)P-500|S(?:&|&amp;)Ls`, '', (token) => token.replace('&amp;', '&')),
  rule(String.raw`[cC]\+\+|[cCfF]#|[A-Z]+\$`),
  ...SHARED,
];

/** Rules of tokens that begin with a digit. */
export const DIGIT_RULES: readonly TokenRule[] = [
  rule(NUMERAL),
  rule(`${PLAIN}+`),
  rule(FRACTION, '', (token) => nonBreaking(token).replace('\u2044', '/')),
  rule(String.raw`\p{Nd}{1,2}[-/]\p{Nd}{1,2}[-/]\p{Nd}{2,4}`),
  rule(
    String.raw`(?:[0-9]{2,4}[- \u00A0])?[0-9]{2,4}[- \u00A0][0-9]{3,4}[- \u00A0]?[0-9]{3,5}|(?:[0-9]{2,4}\.)?[0-9]{2,4}\.[0-9]{3,4}\.[0-9]{3,5}`,
    '',
    nonBreaking,
  ),
  ...SHARED,
];

/** Rules of all other tokens. */
export const OTHER_RULES: readonly TokenRule[] = [
  rule(`[-+]${NUMERAL}|${NUMERAL}`),
  rule(
    String.raw`(?:\([0-9]{2,3}\)[ \u00A0]?|\+\+?(?:[0-9]{2,4}[- \u00A0])?[0-9]{2,4}[- \u00A0])[0-9]{3,4}[- \u00A0]?[0-9]{3,5}`,
    '',
    (token) => parentheses(nonBreaking(token)),
  ),
  rule(`(${APOSTROPHE}(?:[msd]|re|ve|ll))(?![A-Za-z])`, 'i', apostrophes),
  rule(`(${APOSTROPHE}t)(?:is|was)`, 'i', apostrophes),
  rule(`${APOSTROPHE}(?:n${APOSTROPHE}?|em|till?|cause|[2-9]0s)`, 'i', apostrophes),
  rule(`(${APOSTROPHE}[0-9][0-9])(?:${SPACE}|${NEWLINE}|$)`, '', apostrophes),
  rule(String.raw`<(?:!--[^]*?--|[!?][A-Za-z-][^>\r\n]*|/?[A-Za-z][^<>\r\n]*)>`, '', nonBreaking),
  rule('&(?:amp|AMP);', '', () => '&'),
  rule('&(?:lt|LT);', '', () => '<'),
  rule('&(?:gt|GT);', '', () => '>'),
  rule('&(?:quot|QUOT|ndash|mdash|MD|mdash);', '', () => '--'),
  rule('&#[0-9]+;'),
  rule(String.raw`([<>]?[:;=][-o*']?[)(DPdpO\\{@|[\]])(?![A-Za-z0-9])`, '', parentheses),
  rule(String.raw`[-^x=~<>']_[-^x=~<>']|[\^x=~<>]\.[\^x=~<>]`, '', parentheses),
  rule('@[a-zA-Z_][a-zA-Z_0-9]*'),
  rule(`#${LETTER}+`),
  rule(String.raw`-{1,4}(?!-)|[\u0096\u0097\u2013-\u2015]`, '', () => '--'),
  rule('-+'),
  rule(String.raw`\.+|…|\u0085`, '', () => '...'),
  rule('[!?]+'),
  rule(String.raw`#+|@+|_+|\*+|(?:\\\*){1,3}|<<|>>`),
  rule(`${APOSTROPHE}{1,2}|["\u0060\u0091-\u0094\u2018\u2019\u201B-\u201D\u2039\u203A\u00AB\u00BB]`, '', () => "'"),
  rule(String.raw`[()[\]{}]`, '', (token) => bracketNames[token]!),
  rule('[\u0080\u00A4\u20A0\u20AC]', '', () => '$'),
  rule('\u00A3', '', () => '#'),
  rule('\u00A2', '', () => 'cents'),
  rule('\u00BC', '', () => '1/4'),
  rule('\u00BD', '', () => '1/2'),
  rule('\u00BE', '', () => '3/4'),
  rule('\u2153', '', () => '1/3'),
  rule('\u2154', '', () => '2/3'),
  rule(String.raw`[\p{P}\p{S}\p{N}]`),
];
