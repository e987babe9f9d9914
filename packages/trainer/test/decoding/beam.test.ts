import fc from 'fast-check';
import { BeamSearch, type BeamSettings } from '../../src/decoding/beam';
import { END, PAD, START, UNKNOWN } from '../../src/model/tokens';
import { type Language, Rows, tinyLanguage } from './tiny-language';

interface Ranked {
  readonly ids: number[];
  readonly ended: boolean;
  readonly logProbability: number;
}

/** Runs the search as a decoder does, with no more tokens of each row than it asks for. */
function search(language: Language, vocabularySize: number, images: number, settings: BeamSettings) {
  const beams = new BeamSearch(images, settings);
  const rows = new Rows(images);
  let computed = 0;
  for (let step = 0; beams.from.length > 0; step++) {
    const each = Math.min(beams.needed, vocabularySize);
    const distributions = rows.step(language, beams, step === 0);
    computed += distributions.length;
    const likeliest = distributions.map((values) =>
      Array.from(values.keys())
        .sort((a, b) => values[b]! - values[a]! || a - b)
        .slice(0, each),
    );
    beams.advance({
      tokens: likeliest.flat(),
      logProbabilities: likeliest.flatMap((tokens, row) => tokens.map((token) => distributions[row]![token]!)),
      each,
    });
  }
  return { captions: beams.captions(), computed };
}

/** The definition, written down for one image with no thought of speed: every token ranked, no early end. */
function reference(language: Language, vocabularySize: number, image: number, settings: BeamSettings): Ranked[] {
  const { width, maxLength, lengthNormalization, blockUnknown, blockRepeats } = settings;
  let live: { ids: number[]; sum: number }[] = [{ ids: [], sum: 0 }];
  const finished: { ids: number[]; sum: number }[] = [];
  for (let step = 0; step < maxLength; step++) {
    const continuations = live.flatMap(({ ids, sum }, index) =>
      Array.from({ length: vocabularySize }, (_, token) => ({
        ids: [...ids, token],
        sum: sum + language(image, ids)[token]!,
        index,
        token,
      })),
    );
    const allowed = continuations.filter(
      ({ ids, token }) =>
        token !== PAD && token !== START && !(blockUnknown && token === UNKNOWN) && !(token !== END && repeats(ids, blockRepeats)),
    );
    allowed.sort((a, b) => b.sum - a.sum || a.index - b.index || a.token - b.token);
    finished.push(...allowed.slice(0, width).filter(({ token }) => token === END));
    live = allowed.filter(({ token }) => token !== END).slice(0, width);
  }
  const score = ({ ids, sum }: { ids: number[]; sum: number }) => sum / ids.length ** lengthNormalization;
  const candidates = finished.length > 0 ? finished : live;
  // Array.sort is stable: of equal scores the first found comes first.
  return [...candidates]
    .sort((a, b) => score(b) - score(a))
    .slice(0, settings.best)
    .map(({ ids, sum }) => ({ ids: ids.filter((id) => id !== END), ended: finished.length > 0, logProbability: sum }));
}

/** Whether the last `length` tokens stand earlier in `ids`, too. */
function repeats(ids: readonly number[], length: number): boolean {
  if (length === 0) return false;
  const runs = Array.from({ length: Math.max(0, ids.length - length + 1) }, (_, start) => ids.slice(start, start + length).join());
  return runs.indexOf(runs.at(-1) ?? '') < runs.length - 1;
}

const settingsArbitrary = fc.record({
  width: fc.integer({ min: 1, max: 5 }),
  maxLength: fc.integer({ min: 1, max: 6 }),
  lengthNormalization: fc.constantFrom(0, 0.5, 0.7, 1, 2),
  blockUnknown: fc.boolean(),
  blockRepeats: fc.integer({ min: 0, max: 3 }),
  best: fc.integer({ min: 1, max: 6 }),
});
const plain: BeamSettings = { width: 3, maxLength: 6, lengthNormalization: 0, blockUnknown: false, blockRepeats: 0, best: 1 };
const bare = (captions: readonly Ranked[]) => captions.map(({ ids, ended, logProbability }) => ({ ids, ended, logProbability }));

test('equals the definition, for any settings, over several images, with ties', () => {
  fc.assert(
    fc.property(
      settingsArbitrary,
      fc.integer({ min: 3, max: 9 }),
      fc.integer({ min: 0, max: 4 }),
      fc.nat(1_000_000),
      fc.boolean(),
      (settings, vocabularySize, images, seed, ties) => {
        const language = tinyLanguage(seed, vocabularySize, ties);
        const { captions } = search(language, vocabularySize, images, settings);
        expect(captions.map(bare)).toEqual(
          Array.from({ length: images }, (_, image) => reference(language, vocabularySize, image, settings)),
        );
      },
    ),
    { numRuns: 400 },
  );
});

test('wide enough, it finds the best of all captions that there are', () => {
  const vocabularySize = 6;
  const maxLength = 4;
  for (const lengthNormalization of [0, 0.7])
    for (let seed = 0; seed < 20; seed++) {
      const language = tinyLanguage(seed, vocabularySize);
      let best: Ranked & { score: number } = { ids: [], ended: false, logProbability: 0, score: Number.NEGATIVE_INFINITY };
      const visit = (ids: number[], sum: number): void => {
        const next = language(0, ids);
        const logProbability = sum + next[END]!;
        const score = logProbability / (ids.length + 1) ** lengthNormalization;
        if (score > best.score) best = { ids, ended: true, logProbability, score };
        if (ids.length + 1 < maxLength)
          for (let token = UNKNOWN; token < vocabularySize; token++) visit([...ids, token], sum + next[token]!);
      };
      visit([], 0);
      const settings = { ...plain, width: 3 ** maxLength, maxLength, lengthNormalization };
      const found = search(language, vocabularySize, 1, settings).captions[0]![0]!;
      expect(bare([found])).toEqual(bare([best]));
    }
});

test('a width of 1 is greedy', () => {
  for (let seed = 0; seed < 50; seed++) {
    const language = tinyLanguage(seed, 12);
    const ids: number[] = [];
    let ended = false;
    while (ids.length < plain.maxLength && !ended) {
      const next = language(0, ids).slice(END);
      const token = END + next.indexOf(Math.max(...next));
      if (token === END) ended = true;
      else ids.push(token);
    }
    const greedy = search(language, 12, 1, { ...plain, width: 1 }).captions[0]![0]!;
    expect({ ids: greedy.ids, ended: greedy.ended }).toEqual({ ids, ended });
  }
});

test('tokens are told apart: what each adds makes the whole', () => {
  const language = tinyLanguage(5, 9);
  for (const [image, captions] of search(language, 9, 8, { ...plain, best: 3 }).captions.entries())
    for (const { ids, ended, logProbability, tokenLogProbabilities } of captions) {
      const tokens = ended ? [...ids, END] : ids;
      expect(tokenLogProbabilities).toEqual(tokens.map((token, place) => language(image, tokens.slice(0, place))[token]));
      expect(tokenLogProbabilities.reduce((a, b) => a + b, 0)).toBe(logProbability);
    }
});

test('nothing is computed of an image whose answer is settled', () => {
  // END is nearly certain after one word, so no other caption can catch up; without an early end 30 steps of 3 rows would be computed.
  const language: Language = (_, tokens) => Float32Array.from([-30, -30, tokens.length === 1 ? -0.01 : -9, -20, -0.1, -3, -3]);
  const { captions, computed } = search(language, 7, 1, { ...plain, maxLength: 30 });
  expect(captions[0]![0]).toMatchObject({ ids: [4], ended: true });
  expect(computed).toBe(4);
});
