import fc from 'fast-check';
import { distributionOf, Sampling, type SamplingSettings } from '../../src/decoding/sampling';
import { Random } from '../../src/model/random';
import { END, PAD, START, UNKNOWN } from '../../src/model/tokens';
import { type Language, Rows, tinyLanguage } from './tiny-language';

const plain: SamplingSettings = { count: 1, maxLength: 6, temperature: 1, topP: 1, blockUnknown: false, blockRepeats: 0 };

function sample(language: Language, vocabularySize: number, images: number, settings: SamplingSettings, random: Random) {
  const sampling = new Sampling(images, settings, random);
  const rows = new Rows(images);
  for (let step = 0; sampling.from.length > 0; step++) {
    const logProbabilities = Float32Array.from(rows.step(language, sampling, step === 0).flatMap((values) => [...values]));
    sampling.advance({ logProbabilities, vocabularySize });
  }
  return sampling.captions();
}

/** What each token should be drawn with, written down without thought of speed. */
function expected(logProbabilities: Float32Array, blocked: readonly number[], temperature: number, topP: number): number[] {
  const weights = Array.from(logProbabilities, (value, token) => (blocked.includes(token) ? 0 : Math.exp(value / temperature)));
  const total = weights.reduce((a, b) => a + b, 0);
  const order = Array.from(weights.keys()).sort((a, b) => weights[b]! - weights[a]! || a - b);
  let sum = 0;
  for (const token of order) {
    if (sum >= topP * total) weights[token] = 0;
    else sum += weights[token]!;
  }
  return weights.map((weight) => weight / sum);
}

test('each token comes as often as it should, with any temperature, nucleus and blocked tokens', () => {
  fc.assert(
    fc.property(
      fc.nat(1_000_000),
      fc.constantFrom(0.5, 1, 1.7),
      fc.constantFrom(0.3, 0.9, 1),
      fc.subarray([UNKNOWN, 5, 6]),
      // PAD and START have next to nothing, most, or all but a part that float32 cannot tell from nothing.
      fc.constantFrom(-9, 3, 25),
      (seed, temperature, topP, others, bias) => {
        const random = new Random(seed);
        const logits = Array.from({ length: 9 }, (_, token) => (token < END ? bias : 2 * random.normal()));
        const logSum = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0));
        const logProbabilities = Float32Array.from(logits, (logit) => logit - logSum);
        const blocked = [PAD, START, ...others];
        const wanted = expected(logProbabilities, blocked, temperature, topP);
        const draw = distributionOf(logProbabilities.slice(), blocked, temperature, topP);
        const draws = 2_000;
        const counts = Array<number>(9).fill(0);
        // Numbers spread evenly over [0, 1) leave no chance in it: each count is within one of what it should be.
        for (let index = 0; index < draws; index++) counts[draw((index + 0.5) / draws)]! += 1;
        for (const [token, count] of counts.entries()) expect(Math.abs(count - draws * wanted[token]!)).toBeLessThan(2);
      },
    ),
    { numRuns: 200 },
  );
});

test('of one image, captions come as often as they are probable', () => {
  const language = tinyLanguage(3, 6);
  const count = 20_000;
  const [captions] = sample(language, 6, 1, { ...plain, count, maxLength: 3 }, new Random(1));
  const counts = new Map<string, number>();
  for (const { ids, ended } of captions!) {
    const key = (ended ? [...ids, END] : ids).join();
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  // PAD and START are never drawn; their probability is shared out at each step.
  const share = (tokens: readonly number[]) => {
    let probability = 1;
    for (const [place, token] of tokens.entries()) {
      const next = language(0, tokens.slice(0, place)).map((value) => Math.exp(value));
      probability *= next[token]! / (1 - next[PAD]! - next[START]!);
    }
    return probability;
  };
  for (const [key, seen] of counts) {
    const probability = share(key.split(',').map(Number));
    const deviation = Math.sqrt(probability * (1 - probability) * count);
    expect(Math.abs(seen - probability * count)).toBeLessThan(5 * deviation + 1);
  }
  expect(counts.size).toBeGreaterThan(20);
});

test('log-probabilities are those of the model, whatever the temperature', () => {
  const language = tinyLanguage(8, 7);
  for (const settings of [plain, { ...plain, temperature: 0.4 }, { ...plain, topP: 0.6 }])
    for (const [image, captions] of sample(language, 7, 5, { ...settings, count: 4 }, new Random(2)).entries())
      for (const { ids, ended, logProbability, tokenLogProbabilities } of captions) {
        const tokens = ended ? [...ids, END] : ids;
        expect(tokenLogProbabilities).toEqual(tokens.map((token, place) => language(image, tokens.slice(0, place))[token]));
        expect(tokenLogProbabilities.reduce((a, b) => a + b, 0)).toBe(logProbability);
      }
});

test('images are drawn alike together and one after the other with one generator', () => {
  const language = tinyLanguage(4, 8);
  const settings = { ...plain, count: 3 };
  const together = sample(language, 8, 6, settings, new Random(9));
  const random = new Random(9);
  const apart = Array.from({ length: 6 }, (_, image) => sample((_image, tokens) => language(image, tokens), 8, 1, settings, random)[0]!);
  expect(apart).toEqual(together);
  expect(sample(language, 8, 6, settings, new Random(9))).toEqual(together);
  expect(sample(language, 8, 6, settings, new Random(10))).not.toEqual(together);
});

test('blocked words and repeats are never drawn; a nucleus of next to nothing is greedy', () => {
  const language = tinyLanguage(6, 7);
  const blocked = sample(language, 7, 4, { ...plain, count: 50, maxLength: 5, blockUnknown: true, blockRepeats: 1 }, new Random(3));
  for (const { ids } of blocked.flat()) {
    expect(ids).not.toContain(UNKNOWN);
    expect(new Set(ids).size).toBe(ids.length);
  }
  const greedy = sample(language, 7, 4, { ...plain, topP: 1e-9, count: 2 }, new Random(4));
  for (const [image, captions] of greedy.entries())
    for (const { ids } of captions) {
      const next = language(image, []).slice(END);
      expect(ids[0] ?? END).toBe(END + next.indexOf(Math.max(...next)));
      expect(captions[0]!.ids).toEqual(ids);
    }
});
