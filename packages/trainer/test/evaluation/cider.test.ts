import fc from 'fast-check';
import { CiderD, DocumentFrequencies } from '../../src/evaluation/cider';
import { NgramTable } from '../../src/evaluation/ngrams';
import { scoreCaptions } from '../../src/evaluation/scores';

const ascending = (values: readonly number[]) => values.toSorted((a, b) => a - b);
const token = fc.nat({ max: 9 });
const caption = fc.array(token, { maxLength: 12 });
const images = fc.array(fc.record({ candidate: caption, references: fc.array(caption, { minLength: 1, maxLength: 4 }) }), {
  minLength: 1,
  maxLength: 10,
});

test('numbers score as words do, against vectors that are kept', () => {
  fc.assert(
    fc.property(images, (cases) => {
      const cider = new CiderD(DocumentFrequencies.of(cases.map(({ references }) => references)));
      const kept = cases.map(({ references }) => references.map((reference) => cider.vector(reference)));
      const text = (tokens: readonly number[]) => tokens.map((value) => `w${value}`);
      const scores = scoreCaptions(
        cases.map(({ candidate, references }, index) => ({
          imageId: String(index),
          candidate: text(candidate),
          references: references.map(text),
        })),
      );
      for (const round of [1, 2])
        for (const [index, { candidate }] of cases.entries())
          expect({ round, score: cider.score(Int32Array.from(candidate), kept[index]!) }).toEqual({
            round,
            score: expect.closeTo(scores.images[index]!.CIDEr, 9) as number,
          });
    }),
  );
});

test('candidates leave the document frequencies as they are', () => {
  const frequencies = DocumentFrequencies.of<number>([[[1, 2, 3]], [[1, 4]]]);
  const cider = new CiderD(frequencies);
  const references = [cider.vector([1, 2, 3])];
  const before = cider.score([1, 2, 3], references);
  for (let round = 0; round < 100; round++) cider.score([7 + round, 8 + round, 2, 3], references);
  expect(cider.score([1, 2, 3], references)).toBe(before);
  expect(frequencies.images).toBe(2);
});

test('a word of every image weighs nothing, one of no image as one of a single image', () => {
  const frequencies = DocumentFrequencies.of<number>([[[1, 2]], [[1, 3]]]);
  const weightOf = (word: number) => frequencies.inverse(frequencies.count([word]).ids[0]!);
  expect([weightOf(1), weightOf(2), weightOf(9)]).toEqual([0, Math.log(2), Math.log(2)]);
});

test('n-grams are counted as in a plain dictionary, also where the table has grown', () => {
  const table = new NgramTable<number>();
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 40 }), { maxLength: 60 }), fc.boolean(), (tokens, adds) => {
      const { ids, counts, starts, length } = adds ? table.add(tokens) : table.count(tokens);
      expect(length).toBe(tokens.length);
      for (const order of [1, 2, 3, 4]) {
        const plain = new Map<string, number>();
        for (let place = 0; place + order <= tokens.length; place++) {
          const key = tokens.slice(place, place + order).join(' ');
          plain.set(key, (plain.get(key) ?? 0) + 1);
        }
        const [start, end] = [starts[order - 1]!, starts[order]!];
        expect(ascending(counts.slice(start, end))).toEqual(ascending([...plain.values()]));
        expect(new Set(ids.slice(start, end)).size).toBe(plain.size);
        expect(ids.slice(start, end)).toEqual(ascending(ids.slice(start, end)));
      }
    }),
    { numRuns: 300 },
  );
  expect(table.size).toBeGreaterThan(1_024);
});
