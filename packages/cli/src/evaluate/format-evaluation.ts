import type { DecodingSettings } from '@showtell/shared/schema/checkpoint';
import type { ModelEvaluation } from '@showtell/trainer/evaluate-model';
import { METRICS } from '@showtell/trainer/evaluation/scores';
import pc from 'picocolors';
import { formatCount, formatShare, plural } from '../output/format';
import { formatInterval, formatMetric, METRIC_LABELS } from '../output/metric-labels';
import { formatTable } from '../output/table';

/** Images that are printed of the best, and of the worst. */
const SHOWN = 5;

export function formatEvaluation(evaluation: ModelEvaluation): string {
  const { metrics, intervals, images } = evaluation;
  const ranked = images.toSorted((a, b) => b.CIDEr - a.CIDEr || b.ROUGE_L - a.ROUGE_L);
  const shown = Math.min(SHOWN, Math.floor(ranked.length / 2));
  return [
    `${titleOf(evaluation)}\n\n`,
    formatTable(
      ['metric', 'score', '95 % interval'],
      METRICS.map((metric) => [METRIC_LABELS[metric], formatMetric(metrics[metric]), formatInterval(intervals[metric])]),
    ),
    '\n',
    ...factsOf(evaluation).map(({ label, value }) => `${label.padEnd(10)} ${value}\n`),
    ...(shown === 0
      ? []
      : [examples('Best by CIDEr', ranked.slice(0, shown)), examples('Worst by CIDEr', ranked.slice(-shown).toReversed())]),
  ].join('');
}

/** `f8@best (step 632) on split dev of flickr8k: 300 images, beam 3` */
export function titleOf({ model, manifest, split, images, decoding }: ModelEvaluation): string {
  const { training, step } = model.record;
  const name = model.model.startsWith(training) ? `step ${formatCount(step)}` : `${training} at step ${formatCount(step)}`;
  return `${model.model} (${name}) on split ${split} of ${manifest.run}: ${plural(images.length, 'image')}, ${formatDecoding(decoding)}`;
}

/** `greedy`, `beam 3`, `beam 5, length normalization 0.7` */
export function formatDecoding({ beam, lengthNormalization, blockRepeats, blockUnknown }: DecodingSettings): string {
  return [
    beam === 1 ? 'greedy' : `beam ${beam}`,
    ...(beam > 1 && lengthNormalization > 0 ? [`length normalization ${lengthNormalization}`] : []),
    ...(blockRepeats > 0 ? [`no run of ${blockRepeats} words twice`] : []),
    ...(blockUnknown ? [] : ['unknown words said']),
  ].join(', ');
}

/** What the captions are like, without the references. */
export function factsOf({
  captions,
  model,
  manifest,
  images,
  captioned,
}: ModelEvaluation): { readonly label: string; readonly value: string }[] {
  const { meanLength, ended, distinct, words, vocabulary, novel } = captions;
  const of = captions.captions;
  const [features, wanted] = [manifest.encoder.precision, model.preprocessing.encoder.precision];
  return [
    { label: 'Length', value: `${meanLength.toFixed(1)} words on average; ${formatShare(ended, of)} of the captions end by themselves` },
    {
      label: 'Words',
      value: `${formatCount(words)} of the ${formatCount(vocabulary)} that the model knows (${formatShare(words, vocabulary)})`,
    },
    {
      label: 'Captions',
      value:
        `${formatCount(distinct)} different` +
        (novel === null
          ? ''
          : `; ${formatCount(novel)} of ${formatCount(of)} are not among the training captions (${formatShare(novel, of)})`),
    },
    ...(features === wanted ? [] : [{ label: 'Features', value: `${features}; the model was trained on ${wanted}` }]),
    ...(captioned.length === images.length
      ? []
      : [{ label: 'Left out', value: `${plural(captioned.length - images.length, 'image')} without a caption to compare with` }]),
  ];
}

function examples(heading: string, images: ModelEvaluation['images']): string {
  const rows = images.map(({ CIDEr, imageId, caption, references }) => [CIDEr.toFixed(3), imageId, caption, pc.dim(references[0] ?? '')]);
  return `\n${pc.bold(heading)}\n${formatTable(['cider', 'image', 'made', 'true'], rows)}`;
}
