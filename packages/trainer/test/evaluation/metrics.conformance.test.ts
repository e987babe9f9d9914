import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeConformance } from '../../../shared/test/conformance';
import { METRICS, type Metric, type Scores, scoreCaptions } from '../../src/evaluation/scores';
import { tokenize } from '../../src/evaluation/tokenizer';

/** Either kind of file of metrics: names of its fields differ, what they hold does not. */
interface MetricsFile {
  readonly name: string;
  readonly expected: Readonly<Record<string, number>>;
  readonly images: readonly ImageOfFile[];
}
interface ImageOfFile {
  readonly image_id: number | string;
  readonly candidate: string;
  readonly references: readonly string[];
  readonly candidateTokens: string;
  readonly referencesTokens: readonly string[];
  readonly expected: Readonly<Record<string, number>>;
}
interface TokenizerFile {
  readonly name: string;
  readonly cases: readonly { readonly raw: string; readonly tokens: string }[];
}

function read(folder: string): { metrics: MetricsFile[]; tokenizer: TokenizerFile[] } {
  const files = readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')));
  return {
    metrics: files
      .filter(({ images }) => Array.isArray(images))
      .map((file) => ({
        name: file.name,
        expected: file.expected ?? file.expected_full_precision,
        images: file.images.map((image: Record<string, unknown>) => ({
          image_id: image['image_id'],
          candidate: image['candidate'] ?? image['hypothesis'],
          references: image['references'],
          candidateTokens: image['candidate_tokens'] ?? image['hypothesis_tokenized'],
          referencesTokens: image['references_tokens'] ?? image['references_tokenized'],
          expected: image['expected'],
        })),
      })),
    tokenizer: files.filter(({ cases }) => Array.isArray(cases)),
  };
}

const expectedOf = (values: Readonly<Record<string, number>>, metric: Metric) => values[metric] ?? values[`${metric}_D`]!;
const tolerance = (metric: Metric) => (metric === 'CIDEr' ? 1e-6 : 1e-9);
const words = (tokens: string) => (tokens === '' ? [] : tokens.split(' '));

/** Every value that is not as expected. */
function differing(scores: Scores, file: MetricsFile): string[] {
  return METRICS.flatMap((metric) =>
    [
      { where: 'all', have: scores.metrics, want: file.expected },
      ...file.images.map((image, index) => ({ where: `image ${image.image_id}`, have: scores.images[index]!, want: image.expected })),
    ]
      .map(({ where, have, want }) => ({ where, have: have[metric], want: expectedOf(want, metric) }))
      .filter(({ have, want }) => !(Math.abs(have - want) < tolerance(metric)))
      .map(({ where, have, want }) => `${metric} of ${where}: expected ${want} but received ${have}`),
  );
}

describeConformance('the metrics of coco-caption', ['metrics'], (folder) => {
  const { metrics, tokenizer } = read(folder);

  test('there are files to compare with', () => expect(Math.min(metrics.length, tokenizer.length)).toBeGreaterThan(0));

  describe.each(metrics.map((file) => [file.name, file] as const))('%s', (_, file) => {
    test('tokens', () => {
      const captions = file.images.flatMap(({ candidate, candidateTokens, references, referencesTokens }) => [
        [candidate, candidateTokens] as const,
        ...references.map((reference, index) => [reference, referencesTokens[index]] as const),
      ]);
      expect(captions.map(([caption]) => tokenize(caption).join(' '))).toEqual(captions.map(([, tokens]) => tokens));
    });

    test('scores from tokens', () => {
      const scores = scoreCaptions(
        file.images.map((image) => ({
          imageId: String(image.image_id),
          candidate: words(image.candidateTokens),
          references: image.referencesTokens.map(words),
        })),
      );
      expect(differing(scores, file)).toEqual([]);
    });

    test('scores from captions', () => {
      const scores = scoreCaptions(
        file.images.map((image) => ({
          imageId: String(image.image_id),
          candidate: tokenize(image.candidate),
          references: image.references.map(tokenize),
        })),
      );
      expect(differing(scores, file)).toEqual([]);
    });
  });

  describe.each(tokenizer.map((file) => [file.name, file] as const))('%s', (_, { cases }) => {
    test('tokens', () => expect(cases.map(({ raw }) => tokenize(raw).join(' '))).toEqual(cases.map(({ tokens }) => tokens)));
  });
});
