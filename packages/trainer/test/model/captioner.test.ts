import { openSession, Tensor } from '@showtell/shared/onnx/session';
import { evaluationGraph, INPUT, type Regularization, trainingGraph } from '../../src/model/captioner';
import { dropoutMask, MASKS, maskWidths } from '../../src/model/dropout';
import { matrixTensors } from '../../src/model/matrix-tensors';
import { packBatch } from '../../src/model/packed-batch';
import { ParameterBuffer } from '../../src/model/parameter-buffer';
import { type Architecture, architectureOf, parameterShapes } from '../../src/model/parameters';
import { hyperparametersOf } from '../../src/model/presets/presets';
import { Random } from '../../src/model/random';
import { SAMPLED, samplePlaces } from '../../src/model/scheduled-sampling';
import { inFloat64, type ReferenceOptions, randomWeights, referenceLosses, referenceStart, referenceStep } from './reference';

const DIMENSION = 5;
const VOCABULARY = 9;
const STEPS = 6;
// Captions of different lengths, the longest not first, one of no word, words that come twice; and steps that none reaches.
const captions = [[4, 5], [6, 7, 3, 6], [], [8, 8, 5], [5]].map((words) => Int32Array.from([1, ...words, 2]));
const random = new Random(31);
const features = Float32Array.from({ length: captions.length * DIMENSION }, () => random.normal());
// Signs as self-critical rewards have them, and a token that does not count.
const tokenWeights = captions.map(({ length }) => Float32Array.from({ length: length - 1 }, () => random.normal()));
tokenWeights[1]![2] = 0;
const batch = { features, captions, weights: tokenWeights };
const packed = packBatch(batch, { dimension: DIMENSION, vocabularySize: VOCABULARY, steps: STEPS });
/** Rows in the order in which they are packed, and where the token of a row at a step lies. */
const order = captions.map((_, row) => row).sort((a, b) => captions[b]!.length - captions[a]!.length);
const placeOf = (row: number, step: number) =>
  [...packed.running].slice(0, step).reduce((sum, rows) => sum + Number(rows), 0) + order.indexOf(row);

const NOTHING: Regularization = { dropout: 0, scheduledSampling: 0, labelSmoothing: 0 };
const EVERYTHING = { standardize: true, layerNorm: true, tiedEmbeddings: true, dropout: 0.3, scheduledSampling: 0.5, labelSmoothing: 0.1 };
const VARIANTS: Readonly<Record<string, Record<string, unknown>>> = {
  seed: {},
  'image as first input': { image: 'first-input' },
  'image at every input': { image: 'every-input' },
  'linear image': { imageActivation: 'linear' },
  'standardised features': { standardize: true },
  'layer normalisation': { layerNorm: true },
  'tied embeddings of the same size': { tiedEmbeddings: true, embedding: 4 },
  'tied embeddings of another size': { tiedEmbeddings: true },
  dropout: { dropout: 0.4 },
  'scheduled sampling': { scheduledSampling: 0.7 },
  'label smoothing': { labelSmoothing: 0.2 },
  'all at once, image first': {
    image: 'first-input',
    imageActivation: 'linear',
    ...EVERYTHING,
  },
  'all at once, image always': { image: 'every-input', embedding: 4, ...EVERYTHING },
};

function feedsOf(buffer: ParameterBuffer) {
  return {
    ...matrixTensors(buffer),
    [INPUT.features]: new Tensor('float32', packed.features, [packed.rows, DIMENSION]),
    [INPUT.tokens]: new Tensor('int64', packed.tokens, [packed.length]),
    [INPUT.targets]: new Tensor('int64', packed.targets, [packed.length, 1]),
    [INPUT.running]: new Tensor('int64', packed.running, [STEPS]),
  };
}

/** The training graph run once; and the mask and tokens that it was given or has drawn, as the plain loops want them. */
async function runTraining(architecture: Architecture, regularization: Regularization, buffer: ParameterBuffer) {
  const { graph, ...outputs } = trainingGraph(architecture, STEPS, regularization);
  const draw = new Random(7);
  const widths = maskWidths(architecture);
  const masks = (['image', 'embedded', 'states'] as const).map((what) => {
    const rows = what === 'image' ? packed.rows : packed.length;
    return [what, dropoutMask(draw, rows * widths[what], regularization.dropout), rows] as const;
  });
  const sampled = samplePlaces(packed, regularization.scheduledSampling, draw);
  const session = await openSession(graph.encode(), { threads: 1 });
  const result = await session.run({
    ...feedsOf(buffer),
    [INPUT.weights]: new Tensor('float32', packed.weights, [packed.length, 1]),
    ...(regularization.dropout > 0 &&
      Object.fromEntries(masks.map(([what, mask, rows]) => [MASKS[what], new Tensor('float32', mask, [rows, widths[what]])]))),
    ...(regularization.scheduledSampling > 0 && {
      [SAMPLED.places]: new Tensor('int64', sampled.places, [sampled.places.length]),
      [SAMPLED.from]: new Tensor('int64', sampled.from, [sampled.from.length]),
      [SAMPLED.chances]: new Tensor('float32', sampled.chances, [sampled.chances.length, 1]),
    }),
  });
  await session.release();
  const numbers = (name: string) => result[name]!.data as Float32Array;
  const tokens = (regularization.scheduledSampling > 0 ? result[outputs.tokens]!.data : packed.tokens) as BigInt64Array;
  const masked = new Map(masks.map(([what, mask]) => [what, mask]));
  const optionsOf = (row: number): ReferenceOptions => ({
    network: architecture,
    smoothing: regularization.labelSmoothing,
    read: Array.from({ length: captions[row]!.length - 1 }, (_, step) => Number(tokens[placeOf(row, step)])),
    mask: (what, step, column) => masked.get(what)![(what === 'image' ? order.indexOf(row) : placeOf(row, step)) * widths[what] + column]!,
  });
  return { outputs, numbers, tokens, sampled, optionsOf };
}

describe.each(Object.entries(VARIANTS))('%s', (_, variant) => {
  const hyperparameters = hyperparametersOf('seed', { units: 4, embedding: 3, ...variant });
  const architecture = architectureOf(hyperparameters, DIMENSION, VOCABULARY);
  const initial = randomWeights(architecture, 3);
  const buffer = new ParameterBuffer(architecture);
  buffer.load(initial);
  const feature = (row: number) => features.subarray(row * DIMENSION, (row + 1) * DIMENSION);

  test('losses and gradients of training equal plain loops', async () => {
    const { outputs, numbers, tokens, optionsOf } = await runTraining(architecture, hyperparameters, buffer);
    const weights = inFloat64(initial);
    const lossesOf = (row: number) => referenceLosses(weights, feature(row), captions[row]!, optionsOf(row));
    const losses = numbers(outputs.losses);
    for (const row of captions.keys())
      for (const [step, loss] of lossesOf(row).entries()) expect(losses[placeOf(row, step)]).toBeCloseTo(loss, 4);

    const gradients = new ParameterBuffer(architecture, undefined, 'trained');
    for (const [name, output] of outputs.gradients) gradients.matrix(name).data.set(numbers(output));
    const width = architecture.embedding;
    const embedded = numbers(outputs.embeddedGradient);
    const embedding = gradients.matrix('embedding').data;
    tokens.forEach((token, place) => {
      for (let column = 0; column < width; column++) embedding[Number(token) * width + column]! += embedded[place * width + column]!;
    });
    const total = () =>
      captions.reduce((sum, __, row) => sum + lossesOf(row).reduce((part, loss, step) => part + loss * tokenWeights[row]![step]!, 0), 0);
    const wrong: string[] = [];
    for (const [name, { data: gradient }] of gradients.tensors()) {
      const { data } = weights.get(name)!;
      for (const [index, value] of gradient.entries()) {
        const before = data[index]!;
        data[index] = before + 1e-5;
        const above = total();
        data[index] = before - 1e-5;
        const numeric = (above - total()) / 2e-5;
        data[index] = before;
        if (!(Math.abs(value - numeric) < 2e-5 * Math.max(1, Math.abs(numeric)))) wrong.push(`${name}[${index}] ${value} ${numeric}`);
      }
    }
    expect(wrong).toEqual([]);
    expect([...gradients.tensors().keys()]).toEqual([...parameterShapes(architecture).keys()]);
  });

  test('evaluation drops, samples and smooths nothing', async () => {
    const { graph, losses } = evaluationGraph(architecture, STEPS);
    const session = await openSession(graph.encode(), { threads: 1 });
    const found = (await session.run(feedsOf(buffer)))[losses]!.data as Float32Array;
    await session.release();
    const weights = inFloat64(initial);
    for (const row of captions.keys())
      for (const [step, loss] of referenceLosses(weights, feature(row), captions[row]!, { network: architecture }).entries())
        expect(found[placeOf(row, step)]).toBeCloseTo(loss, 4);
  });
});

describe('scheduled sampling', () => {
  const hyperparameters = hyperparametersOf('seed', { units: 4, embedding: 3, scheduledSampling: 1 });
  const architecture = architectureOf(hyperparameters, DIMENSION, VOCABULARY);
  const initial = randomWeights(architecture, 3);
  const buffer = new ParameterBuffer(architecture);
  buffer.load(initial);

  test('replaces a token by the one that its chance falls on after what came before, words alone', async () => {
    const { tokens, sampled } = await runTraining(architecture, hyperparameters, buffer);
    const weights = inFloat64(initial);
    expect(sampled.places).toHaveLength(packed.length - packed.rows);
    const drawn = new Map([...sampled.places].map((place, index) => [Number(place), sampled.chances[index]!]));
    let replaced = 0;
    for (const [row, caption] of captions.entries()) {
      let state = referenceStart(weights, features.subarray(row * DIMENSION, (row + 1) * DIMENSION));
      expect(Number(tokens[placeOf(row, 0)])).toBe(1);
      for (let step = 1; step < caption.length - 1; step++) {
        const next = referenceStep(weights, state, caption[step - 1]!);
        state = next;
        let rest = drawn.get(placeOf(row, step))!;
        const token = next.logProbabilities.findIndex((logProbability) => (rest -= Math.exp(logProbability)) < 0);
        expect(Number(tokens[placeOf(row, step)])).toBe(token > 2 ? token : caption[step]!);
        if (token > 2 && token !== caption[step]) replaced++;
      }
    }
    expect(replaced).toBeGreaterThan(0);
  });

  test('a probability of nothing replaces nothing; half of it about half', async () => {
    expect(samplePlaces(packed, 0, new Random(1)).places).toHaveLength(0);
    const many = packBatch(
      { features: new Float32Array(2000 * DIMENSION), captions: Array(2000).fill(Int32Array.of(1, 4, 5, 6, 2)) },
      { dimension: DIMENSION, vocabularySize: VOCABULARY, steps: STEPS },
    );
    expect(samplePlaces(many, 0.5, new Random(1)).places.length / 6000).toBeCloseTo(0.5, 1);
    // With nothing drawn, tokens are as they were.
    const { graph, tokens } = trainingGraph(architecture, STEPS, { ...NOTHING, scheduledSampling: 0.5 });
    const session = await openSession(graph.encode(), { threads: 1 });
    const none = { places: new BigInt64Array(0), chances: new Float32Array(0) };
    const result = await session.run(
      {
        ...feedsOf(buffer),
        [INPUT.weights]: new Tensor('float32', packed.weights, [packed.length, 1]),
        [SAMPLED.places]: new Tensor('int64', none.places, [0]),
        [SAMPLED.from]: new Tensor('int64', none.places, [0]),
        [SAMPLED.chances]: new Tensor('float32', none.chances, [0, 1]),
      },
      [tokens],
    );
    await session.release();
    expect(result[tokens]!.data).toEqual(packed.tokens);
  });
});

test('a mask keeps its share, and what it keeps makes up for what it drops', () => {
  const mask = dropoutMask(new Random(3), 20_001, 0.3);
  const kept = mask.filter((value) => value > 0);
  expect(kept.length / mask.length).toBeCloseTo(0.7, 2);
  expect(new Set(kept)).toEqual(new Set([Math.fround(1 / (1 - Math.round(0.3 * 65_536) / 65_536))]));
  expect(dropoutMask(new Random(3), 10, 0)).toEqual(new Float32Array(10).fill(1));
  expect(dropoutMask(new Random(3), 20_001, 0.3)).toEqual(mask);
});
