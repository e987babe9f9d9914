import type { ComparedImage, Comparison } from '@showtell/trainer/evaluation/compare';
import { METRICS } from '@showtell/trainer/evaluation/scores';
import pc from 'picocolors';
import { formatCount, plural } from '../output/format';
import { formatDifference, formatInterval, formatMetric, METRIC_LABELS } from '../output/metric-labels';
import { formatTable } from '../output/table';

/** Images that are printed of each model's greatest gains. */
const SHOWN = 5;

export function formatComparison({ models: [first, second], metrics, wins, images }: Comparison): string {
  const gains = images.filter(({ difference }) => difference > 0).slice(0, SHOWN);
  const losses = images
    .filter(({ difference }) => difference < 0)
    .slice(-SHOWN)
    .toReversed();
  return [
    `A  ${first}\nB  ${second}\n${plural(images.length, 'image')}\n\n`,
    formatTable(
      ['metric', 'A', 'B', 'B − A', '95 % interval', 'p'],
      METRICS.map((metric) => {
        const { first: a, second: b, difference, low, high, p } = metrics[metric];
        const sure = low > 0 ? pc.green : high < 0 ? pc.red : String;
        return [
          METRIC_LABELS[metric],
          formatMetric(a),
          formatMetric(b),
          sure(formatDifference(difference)),
          formatInterval({ low, high }),
          p.toFixed(4),
        ];
      }),
    ),
    `\nBy CIDEr, A is better on ${formatCount(wins.first)}, B on ${formatCount(wins.second)}; equal on ${formatCount(wins.ties)}\n`,
    examples('B gains most', gains),
    examples('B loses most', losses),
  ].join('');
}

function examples(heading: string, images: readonly ComparedImage[]): string {
  if (images.length === 0) return '';
  const rows = images.map(({ imageId, captions: [a, b], difference, references }) => [
    formatDifference(difference),
    imageId,
    a,
    b,
    pc.dim(references[0] ?? ''),
  ]);
  return `\n${pc.bold(heading)}\n${formatTable(['cider', 'image', 'A', 'B', 'true'], rows)}`;
}
