import { bleu, sumBleu } from '../../src/evaluation/bleu';
import { bootstrapIntervals, pairedBootstrap } from '../../src/evaluation/bootstrap';
import { METRICS, type Scores, scoreCaptions } from '../../src/evaluation/scores';
import { Random } from '../../src/model/random';

const WORDS = ['a', 'dog', 'cat', 'runs', 'sits', 'on', 'the', 'grass', 'sand', 'red'];

/** A model that hits the words of a reference with the given chance. */
function model(images: number, chance: number, seed: number): Scores {
  const truth = new Random(1);
  const random = new Random(seed);
  const sentence = () => Array.from({ length: 4 + truth.below(5) }, () => WORDS[truth.below(WORDS.length)]!);
  return scoreCaptions(
    Array.from({ length: images }, (_, image) => {
      const references = [sentence(), sentence(), sentence()];
      const candidate = references[0]!.map((word) => (random.uniform() < chance ? word : 'x'));
      return { imageId: String(image), candidate, references };
    }),
  );
}

const mean = (numbers: number[]) => numbers.reduce((sum, number) => sum + number, 0) / numbers.length;

test('a resample is scored as the same images would be: BLEU from summed counts, the others as means', () => {
  const [first, second] = [model(40, 0.8, 2), model(40, 0.9, 3)];
  const options = { resamples: 1, seed: 9 };
  const random = new Random(9);
  const drawn = Array.from({ length: 40 }, () => random.below(40));
  const scoresOf = ({ counts, images }: Scores) => [
    ...bleu(sumBleu(drawn.map((image) => counts[image]!))),
    mean(drawn.map((image) => images[image]!.ROUGE_L)),
    mean(drawn.map((image) => images[image]!.CIDEr)),
  ];
  const [before, after] = [scoresOf(first), scoresOf(second)];
  const alone = bootstrapIntervals(first, options);
  const paired = pairedBootstrap(first, second, options);
  for (const [index, metric] of METRICS.entries()) {
    expect(alone[metric].low).toBeCloseTo(before[index]!, 12);
    expect(alone[metric].high).toBe(alone[metric].low);
    expect(paired[metric].low).toBeCloseTo(after[index]! - before[index]!, 12);
  }
});

test('the interval of a mean is as wide as statistics say', () => {
  const scores = model(400, 0.8, 2);
  const ciders = scores.images.map(({ CIDEr }) => CIDEr);
  const deviation = Math.sqrt(mean(ciders.map((cider) => (cider - mean(ciders)) ** 2)));
  const half = (1.96 * deviation) / Math.sqrt(ciders.length);
  const { low, high } = bootstrapIntervals(scores, { resamples: 4_000 }).CIDEr;
  expect((low + high) / 2).toBeCloseTo(scores.metrics.CIDEr, 1);
  expect((high - low) / 2 / half).toBeGreaterThan(0.9);
  expect((high - low) / 2 / half).toBeLessThan(1.1);
});

test('a better model is found better, the same one the same', () => {
  const [first, second] = [model(200, 0.6, 2), model(200, 0.9, 3)];
  const options = { resamples: 1_000 };
  const better = pairedBootstrap(first, second, options);
  for (const metric of METRICS) {
    expect(better[metric].difference).toBe(second.metrics[metric] - first.metrics[metric]);
    expect(better[metric].low).toBeGreaterThan(0);
    expect(better[metric].low).toBeLessThan(better[metric].difference);
    expect(better[metric].p).toBeCloseTo(2 / 1_001, 12);
  }
  const same = pairedBootstrap(first, first, options);
  for (const metric of METRICS) expect(same[metric]).toEqual({ difference: 0, low: 0, high: 0, p: 1 });
});

test('in pairs a small difference shows that two intervals side by side would hide', () => {
  const second = model(200, 0.8, 2);
  // The same captions, but in 12 of 200 images, which get worse.
  const first: Scores = {
    ...second,
    images: second.images.map((image, index) => (index % 17 === 0 ? { ...image, CIDEr: image.CIDEr / 2 } : image)),
  };
  expect(pairedBootstrap(first, second, { resamples: 1_000 }).CIDEr.p).toBeLessThan(0.01);
  expect(bootstrapIntervals(second, { resamples: 1_000 }).CIDEr.low).toBeLessThan(mean(first.images.map(({ CIDEr }) => CIDEr)));
});

test('the seed alone decides what is drawn', () => {
  const scores = model(30, 0.8, 2);
  const options = { resamples: 50 };
  expect(bootstrapIntervals(scores, options)).toEqual(bootstrapIntervals(scores, { ...options, seed: 0 }));
  expect(bootstrapIntervals(scores, { ...options, seed: 1 })).not.toEqual(bootstrapIntervals(scores, options));
});

test('other images cannot be compared', () => {
  const scores = model(30, 0.8, 2);
  expect(() => pairedBootstrap(scores, { ...scores, images: scores.images.toReversed() })).toThrow(RangeError);
  expect(() => pairedBootstrap(scores, model(29, 0.8, 2))).toThrow(RangeError);
});
