import fc from 'fast-check';
import { type CaptionsToScore, METRICS, scoreCaptions } from '../../src/evaluation/scores';

const words = (caption: string) => (caption === '' ? [] : caption.split(' '));
const image = (imageId: string, candidate: string, ...references: string[]): CaptionsToScore => ({
  imageId,
  candidate: words(candidate),
  references: references.map(words),
});

/** Expected values: pycocoevalcap 1.2 on these captions. */
const IMAGES = [
  image('1', 'a dog runs on the green grass', 'a brown dog is running on grass', 'the dog runs on the grass', 'a dog playing outside'),
  image('2', 'the the the the', 'the cat is on the mat', 'there is a cat on the mat'),
  image('3', 'two men play football in a park', 'two men play football in a park', 'men playing ball in the park'),
  image('4', 'bird', 'a bird', 'one small bird on a branch'),
  image('5', '', 'a red bus', 'a bus on a street'),
  image('6', 'add 1\u00a01/2 cups', 'add 1 1/2 cups', '1\u00a01/2 cups of sugar'),
];
const EXPECTED = {
  metrics: {
    Bleu_1: 0.6698968674131791,
    Bleu_2: 0.6105093094121558,
    Bleu_3: 0.5693792213356778,
    Bleu_4: 0.540462380812422,
    ROUGE_L: 0.5586784508690747,
    CIDEr: 2.876624605589395,
  },
  images: {
    Bleu_1: [0.8571428568979593, 0.30326532970468434, 0.9999999997142859, 0.3678794404356846, 0.0, 0.9999999995000004],
    Bleu_2: [0.7559289457934757, 7.830277142529362e-9, 0.9999999997023811, 0.0003678794406196241, 0.0, 0.9999999994583337],
    Bleu_3: [0.6114214172745694, 2.6492666763238903e-11, 0.9999999996873018, 3.678794406809375e-5, 0.0, 0.9999999993888894],
    Bleu_4: [0.48892302227221796, 1.8325568115857257e-12, 0.9999999996672622, 1.163336936997511e-5, 0.0, 0.9999999992291674],
    ROUGE_L: [0.7800511508951408, 0.3860759493670886, 1.0, 0.6288659793814433, 0.0, 0.5570776255707762],
    CIDEr: [2.524654237547897, 0.31930124913040897, 5.709105843530216, 1.664721103749268, 0.0, 7.041965199578581],
  },
};

test('equal to coco-caption', () => {
  const { metrics, images } = scoreCaptions(IMAGES);
  for (const metric of METRICS) {
    expect(metrics[metric]).toBeCloseTo(EXPECTED.metrics[metric], 12);
    expect(images.map((scores) => scores[metric])).toEqual(EXPECTED.images[metric].map((value) => expect.closeTo(value, 12) as number));
  }
  expect(images.map(({ imageId }) => imageId)).toEqual(IMAGES.map(({ imageId }) => imageId));
});

test('no images, and an image without references', () => {
  expect(() => scoreCaptions([])).toThrow(expect.objectContaining({ code: 'EMPTY_DATASET' }));
  expect(() => scoreCaptions([image('7', 'a dog')])).toThrow(
    expect.objectContaining({ code: 'CAPTION_INVALID', message: 'Expected at least one reference for image 7 but received none' }),
  );
});

const word = fc.constantFrom(...'a the dog cat man runs on in red big'.split(' '));
const caption = fc.array(word, { minLength: 1, maxLength: 14 });
const images = fc.array(fc.record({ candidate: caption, references: fc.array(caption, { minLength: 1, maxLength: 5 }) }), {
  minLength: 1,
  maxLength: 12,
});
const numbered = (cases: readonly Omit<CaptionsToScore, 'imageId'>[]) => cases.map((some, index) => ({ imageId: String(index), ...some }));

test('scores are in their range', () => {
  fc.assert(
    fc.property(images, (cases) => {
      const { metrics, images: each } = scoreCaptions(numbered(cases));
      for (const scores of [metrics, ...each])
        for (const metric of METRICS) {
          expect(scores[metric]).toBeGreaterThanOrEqual(0);
          expect(scores[metric]).toBeLessThanOrEqual((metric === 'CIDEr' ? 10 : 1) + 1e-9);
        }
    }),
  );
});

test('the order of references and of images does not matter', () => {
  const reversed = fc
    .clone(images, 2)
    .map(
      ([cases, same]) =>
        [cases, same.map(({ candidate, references }) => ({ candidate, references: references.toReversed() })).toReversed()] as const,
    );
  fc.assert(
    fc.property(reversed, ([cases, other]) => {
      const [one, two] = [scoreCaptions(numbered(cases)), scoreCaptions(numbered(other))];
      for (const metric of METRICS) {
        expect(two.metrics[metric]).toBeCloseTo(one.metrics[metric], 9);
        expect(two.images.map((scores) => scores[metric]).toReversed()).toEqual(
          one.images.map((scores) => expect.closeTo(scores[metric], 9) as number),
        );
      }
    }),
  );
});

test('a candidate that is the only reference has BLEU 1, ROUGE-L 1, and CIDEr 10 if its n-grams of each length tell it from another image', () => {
  const four = fc.array(word, { minLength: 4, maxLength: 14 });
  fc.assert(
    fc.property(fc.array(four, { minLength: 1, maxLength: 8 }), (captions) => {
      const own = captions.map((tokens, index) => tokens.map((token) => `${token}${index}`));
      const { metrics } = scoreCaptions(numbered(own.map((tokens) => ({ candidate: tokens, references: [tokens] }))));
      for (const metric of METRICS) expect(metrics[metric]).toBeCloseTo(metric === 'CIDEr' ? (captions.length === 1 ? 0 : 10) : 1, 6);
    }),
  );
});
