import { createDecoder } from '../../src/decoding/decoder';
import { architectureOf } from '../../src/model/parameters';
import { hyperparametersOf } from '../../src/model/presets/presets';
import { Random } from '../../src/model/random';
import { inFloat64, randomWeights, referenceStart, referenceStep } from '../model/reference';

const architecture = architectureOf(hyperparametersOf('seed', { units: 6, embedding: 4 }), 5, 12);
const maxLength = 7;
const decoding = { maxLength, beam: 1, lengthNormalization: 0, blockUnknown: false, blockRepeats: 0 };
const weights = randomWeights(architecture, 21);
// Sharper choices, END often enough, and PAD and START likelier than anything else, though they must never be produced.
for (let index = 0; index < weights.get('output/kernel')!.data.length; index++) weights.get('output/kernel')!.data[index]! *= 3;
weights.get('output/bias')!.data.set([50, 50, 0.5]);
const rows = 40;
const random = new Random(2);
const features = Float32Array.from({ length: rows * architecture.dimension }, () => random.normal());
const feature = (row: number) => features.subarray(row * architecture.dimension, (row + 1) * architecture.dimension);

function referenceGreedy(row: number) {
  const reference = inFloat64(weights);
  let state = referenceStart(reference, feature(row));
  const caption = { ids: [] as number[], ended: false, logProbability: 0 };
  for (let token = 1; caption.ids.length < maxLength && !caption.ended; ) {
    const next = referenceStep(reference, state, token);
    state = next;
    const possible = next.logProbabilities.slice(2);
    token = 2 + possible.indexOf(Math.max(...possible));
    caption.logProbability += next.logProbabilities[token]!;
    caption.ended = token === 2;
    if (!caption.ended) caption.ids.push(token);
  }
  return caption;
}

const opened = createDecoder({ weights, architecture, decoding, threads: 1 });
afterAll(async () => (await opened).close());

test('equals plain loops, for captions that end and captions that do not', async () => {
  const decoded = await (await opened).decode(features, rows);
  const expected = Array.from({ length: rows }, (_, row) => referenceGreedy(row));
  expect(decoded.map(({ ids, ended }) => ({ ids, ended }))).toEqual(expected.map(({ ids, ended }) => ({ ids, ended })));
  for (const [row, { logProbability }] of decoded.entries()) expect(logProbability).toBeCloseTo(expected[row]!.logProbability, 3);
  expect(new Set(expected.map(({ ended }) => ended))).toEqual(new Set([true, false]));
  expect(new Set(expected.map(({ ids }) => ids.length)).size).toBeGreaterThan(3);
});

test('PAD and START are never produced, however likely', async () => {
  const decoded = await (await opened).decode(features, rows);
  expect(decoded.flatMap(({ ids }) => ids).filter((id) => id < 3)).toEqual([]);
  for (const { logProbability } of decoded) expect(logProbability).toBeLessThan(-20);
});

test('a blocked UNKNOWN gives way to the next likeliest token', async () => {
  const loud = new Map(weights).set('output/bias', {
    ...weights.get('output/bias')!,
    data: Float32Array.from(weights.get('output/bias')!.data),
  });
  loud.get('output/bias')!.data[3] = 100;
  const [free, blocked] = await Promise.all(
    [false, true].map(async (blockUnknown) => {
      const decoder = await createDecoder({ weights: loud, architecture, decoding: { ...decoding, blockUnknown }, threads: 1 });
      const decoded = await decoder.decode(features, rows);
      await decoder.close();
      return decoded.map(({ ids }) => ids);
    }),
  );
  expect(free!.flat().every((id) => id === 3)).toBe(true);
  expect(blocked).toEqual((await (await opened).decode(features, rows)).map(({ ids }) => ids));
  expect(blocked!.flat()).not.toContain(3);
});

test('a row decodes alike alone and in a batch', async () => {
  const decoder = await opened;
  const together = await decoder.decode(features, rows);
  for (const row of [0, 7, 39]) {
    const [alone] = await decoder.decode(feature(row).slice(), 1);
    expect(alone!.ids).toEqual(together[row]!.ids);
    expect(alone!.logProbability).toBeCloseTo(together[row]!.logProbability, 4);
  }
});

test('no rows give no captions; features of another size are refused', async () => {
  expect(await (await opened).decode(new Float32Array(0), 0)).toEqual([]);
  await expect((await opened).decode(new Float32Array(9), 2)).rejects.toThrow('Expected 2 × 5 numbers for features but received 9');
});

test('weights that are not a captioner are refused by name', async () => {
  const broken = new Map(weights);
  broken.delete('lstm/kernel');
  await expect(createDecoder({ weights: broken, architecture, decoding })).rejects.toThrow(
    'Expected F32 [4, 24] for lstm/kernel in the weights to decode with but received nothing',
  );
});
