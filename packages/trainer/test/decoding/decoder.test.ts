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

test('a beam finds likelier captions than greedy, those of plain loops', async () => {
  const reference = inFloat64(weights);
  type Live = { ids: number[]; sum: number; state: ReturnType<typeof referenceStart> };
  const beamOf = (row: number, width: number, alpha: number) => {
    let live: Live[] = [{ ids: [], sum: 0, state: referenceStart(reference, feature(row)) }];
    const finished: { ids: number[]; sum: number; score: number }[] = [];
    for (let length = 1; length <= maxLength; length++) {
      const next = live.flatMap(({ ids, sum, state }) => {
        const after = referenceStep(reference, state, ids.at(-1) ?? 1);
        return after.logProbabilities.map((value, token) => ({ ids: [...ids, token], token, sum: sum + value, state: after })).slice(2);
      });
      next.sort((a, b) => b.sum - a.sum);
      for (const { ids, token, sum } of next.slice(0, width))
        if (token === 2) finished.push({ ids: ids.slice(0, -1), sum, score: sum / length ** alpha });
      live = next.filter(({ token }) => token !== 2).slice(0, width);
    }
    return finished.sort((a, b) => b.score - a.score)[0] ?? live[0]!;
  };
  const decoder = await opened;
  for (const [beam, lengthNormalization] of [
    [2, 0],
    [4, 0.7],
  ] as const) {
    const decoded = await decoder.decode(features, rows, { beam, lengthNormalization });
    const expected = Array.from({ length: rows }, (_, row) => beamOf(row, beam, lengthNormalization));
    expect(decoded.map(({ ids }) => ids)).toEqual(expected.map(({ ids }) => ids));
    for (const [row, { logProbability }] of decoded.entries()) expect(logProbability).toBeCloseTo(expected[row]!.sum, 3);
  }
});

test('a beam of one is greedy whatever lengths are worth', async () => {
  const decoder = await opened;
  expect(await decoder.decode(features, rows, { lengthNormalization: 2 })).toEqual(await decoder.decode(features, rows));
});

test('lists begin with the answer and fall from there; all are different', async () => {
  const decoder = await opened;
  const settings = { beam: 4, lengthNormalization: 0.7 };
  const answers = await decoder.decode(features, rows, settings);
  for (const [row, list] of (await decoder.beams(features, rows, settings)).entries()) {
    expect(list[0]).toEqual(answers[row]);
    const scores = list.map(({ logProbability, tokenLogProbabilities }) => logProbability / tokenLogProbabilities.length ** 0.7);
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
    expect(new Set(list.map(({ ids }) => ids.join())).size).toBe(list.length);
  }
});

test('no word comes twice where repeats are blocked, though the rest of the vocabulary is needed for it', async () => {
  for (const beam of [1, 3, 8]) {
    const decoded = await (await opened).decode(features, rows, { beam, blockRepeats: 1 });
    for (const { ids } of decoded) expect(new Set(ids).size).toBe(ids.length);
  }
  const free = await (await opened).decode(features, rows);
  expect(free.some(({ ids }) => new Set(ids).size < ids.length)).toBe(true);
});

test('more photos than are computed at a time', async () => {
  const many = 1_000;
  const repeated = Float32Array.from({ length: many * architecture.dimension }, (_, index) => features[index % features.length]!);
  const decoder = await opened;
  for (const settings of [{}, { beam: 3 }]) {
    const few = await decoder.decode(features, rows, settings);
    const decoded = await decoder.decode(repeated, many, settings);
    expect(decoded.map(({ ids }) => ids)).toEqual(Array.from({ length: many }, (_, row) => few[row % rows]!.ids));
  }
});

test('samples are probable captions, the same for the same seed', async () => {
  const decoder = await opened;
  const options = { count: 3, seed: 5 };
  const drawn = await decoder.sample(features, rows, options);
  expect(await decoder.sample(features, rows, options)).toEqual(drawn);
  expect(await decoder.sample(features, rows, { ...options, seed: 6 })).not.toEqual(drawn);
  const reference = inFloat64(weights);
  for (const [row, captions] of drawn.entries())
    for (const { ids, ended, tokenLogProbabilities } of captions) {
      let state = referenceStart(reference, feature(row));
      const tokens = ended ? [...ids, 2] : ids;
      for (const [place, token] of tokens.entries()) {
        const next = referenceStep(reference, state, tokens[place - 1] ?? 1);
        state = next;
        expect(tokenLogProbabilities[place]).toBeCloseTo(next.logProbabilities[token]!, 3);
      }
    }
});

test('decodes with the weights that it was given last', async () => {
  const other = randomWeights(architecture, 22);
  const [expecting, changing] = await Promise.all(
    [other, weights].map(async (own) => createDecoder({ weights: own, architecture, decoding, threads: 1 })),
  );
  const before = await changing!.decode(features, rows);
  changing!.load(other);
  const after = await changing!.decode(features, rows);
  expect(after).toEqual(await expecting!.decode(features, rows));
  expect(after).not.toEqual(before);
  changing!.load(weights);
  expect(await changing!.decode(features, rows)).toEqual(before);
  await Promise.all([expecting!.close(), changing!.close()]);
});

test('settings that make no sense are told, each of them', async () => {
  const decoder = await opened;
  await expect(decoder.decode(features, rows, { beam: 0, lengthNormalization: -1 })).rejects.toMatchObject({
    code: 'USAGE',
    message: expect.stringMatching(/beam: .*; lengthNormalization: /),
  });
  await expect(decoder.sample(features, rows, { seed: 1, topP: 2 })).rejects.toMatchObject({ code: 'USAGE' });
});

test('weights or features that are not finite give no captions', async () => {
  const broken = features.slice();
  broken[7] = Number.NaN;
  for (const beam of [1, 3])
    await expect((await opened).decode(broken, rows, { beam })).rejects.toMatchObject({
      code: 'DIVERGED',
      message: expect.stringContaining('received NaN'),
    });
});

test('weights that are not a captioner are refused by name', async () => {
  const broken = new Map(weights);
  broken.delete('lstm/kernel');
  await expect(createDecoder({ weights: broken, architecture, decoding })).rejects.toThrow(
    'Expected F32 [4, 24] for lstm/kernel in the weights to decode with but received nothing',
  );
});
