import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NamedTensor } from '@showtell/shared/safetensors';
import { describeConformance } from '../../../shared/test/conformance';
import { createDecoder, type DecodedCaption, type Decoder } from '../../src/decoding/decoder';
import { architectureOf } from '../../src/model/parameters';
import { hyperparametersOf } from '../../src/model/presets/presets';

interface Expected {
  readonly ids: number[];
  readonly ended: boolean;
  readonly log_probability: number;
}
interface Case {
  readonly feature: number[];
  readonly greedy: Expected;
  /** By alpha. */
  readonly beam: Record<string, Expected & { readonly ranked: Expected[] }>;
}
interface File {
  readonly width: number;
  readonly max_length: number;
  readonly alphas: number[];
  readonly cases: Case[];
}

const read = (folder: string, name: string): unknown => JSON.parse(readFileSync(join(folder, name), 'utf8'));

describeConformance('decoding computed by Keras and NumPy', ['trainer-keras', 'decoding'], (folder) => {
  const { width, max_length: maxLength, alphas, cases } = read(folder, 'expected.json') as File;
  const features = Float32Array.from(cases.flatMap(({ feature }) => feature));
  let decoder: Decoder;

  beforeAll(async () => {
    const arrays = read(folder, 'weights.json') as Record<string, { shape: number[]; data: number[] }>;
    const weights = new Map(
      Object.entries(arrays).map(([name, { shape, data }]): [string, NamedTensor] => [
        name,
        { name, dtype: 'F32', shape, data: Float32Array.from(data) },
      ]),
    );
    const [dimension = 0, units = 0] = weights.get('encoder/kernel')!.shape;
    const [vocabularySize = 0, embedding = 0] = weights.get('embedding/embeddings')!.shape;
    const architecture = architectureOf(hyperparametersOf('seed', { units, embedding }), dimension, vocabularySize);
    const decoding = { maxLength, beam: 1, lengthNormalization: 0, blockUnknown: false, blockRepeats: 0 };
    decoder = await createDecoder({ weights, architecture, decoding, threads: 1 });
  });
  afterAll(async () => decoder.close());

  const bare = ({ ids, ended }: { ids: number[]; ended: boolean }) => ({ ids, ended });
  const farthest = (found: readonly DecodedCaption[], expected: readonly Expected[]) =>
    Math.max(...found.map(({ logProbability }, index) => Math.abs(logProbability - expected[index]!.log_probability)));

  test('greedy', async () => {
    const found = await decoder.decode(features, cases.length);
    const expected = cases.map(({ greedy }) => greedy);
    expect(found.map(bare)).toEqual(expected.map(bare));
    expect(farthest(found, expected)).toBeLessThan(1e-4);
  });

  describe.each(alphas)(`a beam of ${width}, alpha %p`, (lengthNormalization) => {
    const expected = cases.map(({ beam }) => beam[String(lengthNormalization)]!);

    test('the answer', async () => {
      const found = await decoder.decode(features, cases.length, { beam: width, lengthNormalization });
      expect(found.map(bare)).toEqual(expected.map(bare));
      expect(farthest(found, expected)).toBeLessThan(1e-4);
    });

    test('the captions behind it', async () => {
      const best = Math.max(...expected.map(({ ranked }) => ranked.length));
      const found = await decoder.beams(features, cases.length, { beam: width, lengthNormalization, best });
      for (const [index, { ranked }] of expected.entries()) {
        expect(found[index]!.slice(0, ranked.length).map(bare)).toEqual(ranked.map(bare));
        expect(farthest(found[index]!.slice(0, ranked.length), ranked)).toBeLessThan(1e-4);
      }
    });
  });
});
