import { compareModels } from '../../src/evaluation/compare';
import { captionFigures, evaluate } from '../../src/evaluation/evaluate';
import { decodeScoresFile, encodeResultsFile } from '../../src/evaluation/evaluation-files';
import { chooseExamples } from '../../src/evaluation/examples';
import type { Metrics } from '../../src/evaluation/scores';

const references = (image: number) => [`A dog ${image} runs.`, `The brown dog ${image} runs over grass!`];
const images = (said: (image: number) => string) =>
  Array.from({ length: 12 }, (_, image) => ({ imageId: String(image), caption: said(image), references: references(image) }));
const good = images((image) => `a dog ${image} runs`);
const poor = images((image) => (image < 9 ? 'a cat' : `a dog ${image} runs`));

test('captions are scored by the tokens of the references, image by image', () => {
  const { metrics, intervals, images: scored } = evaluate(good, { resamples: 100 });
  expect(metrics.Bleu_4).toBeCloseTo(1, 6);
  expect(scored[3]).toMatchObject({ imageId: '3', caption: 'a dog 3 runs', references: references(3) });
  expect(scored[3]!.CIDEr).toBeGreaterThan(1);
  expect(intervals.CIDEr.low).toBeLessThanOrEqual(metrics.CIDEr);
  expect(intervals.CIDEr.high).toBeGreaterThanOrEqual(metrics.CIDEr);
});

test('what captions are like: length, ends, words, and whether they are new', () => {
  const captions = [
    { caption: 'a dog runs', ended: true },
    { caption: 'a dog runs', ended: true },
    { caption: 'a cat', ended: false },
    { caption: '', ended: true },
  ];
  const figures = { captions: 4, meanLength: 2, ended: 3, distinct: 3, words: 4, vocabulary: 9 };
  expect(captionFigures(captions, { vocabulary: 9, trainingCaptions: ['a dog runs', 'a bird'] })).toEqual({ ...figures, novel: 2 });
  expect(captionFigures(captions, { vocabulary: 9 })).toEqual({ ...figures, novel: null });
});

test('two models are compared image by image, whatever order they come in', () => {
  const comparison = compareModels({ name: 'poor', images: poor }, { name: 'good', images: good.toReversed() }, { resamples: 200 });
  expect(comparison.models).toEqual(['poor', 'good']);
  expect(comparison.wins).toEqual({ first: 0, second: 9, ties: 3 });
  expect(comparison.metrics.CIDEr).toMatchObject({
    first: evaluate(poor, { resamples: 1 }).metrics.CIDEr,
    second: evaluate(good, { resamples: 1 }).metrics.CIDEr,
  });
  expect(comparison.metrics.CIDEr.low).toBeGreaterThan(0);
  expect(comparison.images[0]).toMatchObject({ captions: ['a cat', expect.stringMatching(/^a dog \d runs$/)] });
  expect(comparison.images[0]!.difference).toBeGreaterThan(comparison.images.at(-1)!.difference);
});

test('captions of other images, or with other references, are not compared', () => {
  const compare = (second: typeof good) => () => compareModels({ name: 'poor', images: poor }, { name: 'good', images: second });
  expect(compare(good.slice(1))).toThrow(expect.objectContaining({ code: 'USAGE', message: expect.stringContaining('such as 0') }));
  expect(compare([...good, { ...good[0]!, imageId: 'more' }])).toThrow(expect.objectContaining({ code: 'USAGE' }));
  expect(compare(good.with(4, { ...good[4]!, references: ['another'] }))).toThrow(
    expect.objectContaining({ code: 'USAGE', message: expect.stringContaining('image 4 has other references in good than in poor') }),
  );
});

describe('examples', () => {
  const scored = (CIDEr: number, ROUGE_L = 0) => ({ CIDEr, ROUGE_L }) as Metrics;

  test('the best, those around the mean, the worst', () => {
    const many = Array.from({ length: 101 }, (_, index) => scored(index / 10));
    const { good: best, average, bad } = chooseExamples(many, 3);
    expect(best.map(({ CIDEr }) => CIDEr)).toEqual([10, 9.9, 9.8]);
    expect(average.map(({ CIDEr }) => CIDEr).sort((a, b) => a - b)).toEqual([4.9, 5, 5.1]);
    expect(bad.map(({ CIDEr }) => CIDEr)).toEqual([0, 0.1, 0.2]);
  });

  test('of few images none is there twice', () => {
    for (const count of [1, 2, 3, 4, 5]) {
      const few = Array.from({ length: count }, (_, index) => scored(1, index));
      const { good: best, average, bad } = chooseExamples(few, 8);
      const shown = [...best, ...average, ...bad];
      expect(new Set(shown).size).toBe(shown.length);
      expect(best.length).toBeGreaterThan(0);
    }
  });
});

test('ids that are numbers are numbers in files of results, others stay text', () => {
  const ids = ['391895', '0', '007', 'dog.jpg', '12345678901234567890', '1e3'];
  const file = encodeResultsFile(ids.map((imageId) => ({ imageId, caption: 'a "dog"' })));
  expect((JSON.parse(file.toString()) as { image_id: unknown }[]).map(({ image_id }) => image_id)).toEqual([
    391895,
    0,
    '007',
    'dog.jpg',
    '12345678901234567890',
    '1e3',
  ]);
});

test('a file of scores that is none', () => {
  expect(() => decodeScoresFile(Buffer.from('{"formatVersion":1}'), 'a/scores.json')).toThrow(
    expect.objectContaining({ code: 'USAGE', message: expect.stringContaining('a/scores.json does not fit') }),
  );
});
