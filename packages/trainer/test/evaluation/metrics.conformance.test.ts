import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeConformance } from '../../../shared/test/conformance';
import { METRICS, type Metric, scoreCaptions } from '../../src/evaluation/scores';

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

describeConformance('the metrics of coco-caption', ['metrics'], (folder) => {
  const { metrics } = read(folder);

  test('there are files to compare with', () => expect(metrics.length).toBeGreaterThan(0));

  test.each(metrics.map((file) => [file.name, file] as const))('%s: from tokens', (_, file) => {
    const scores = scoreCaptions(
      file.images.map((image) => ({
        imageId: String(image.image_id),
        candidate: words(image.candidateTokens),
        references: image.referencesTokens.map(words),
      })),
    );
    for (const metric of METRICS) {
      expect(Math.abs(scores.metrics[metric] - expectedOf(file.expected, metric))).toBeLessThan(tolerance(metric));
      for (const [index, image] of file.images.entries())
        expect(Math.abs(scores.images[index]![metric] - expectedOf(image.expected, metric))).toBeLessThan(tolerance(metric));
    }
  });
});
