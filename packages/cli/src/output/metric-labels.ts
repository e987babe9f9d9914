import type { Metric } from '@showtell/trainer/evaluation/scores';

/** The metrics as papers write them. */
export const METRIC_LABELS: Readonly<Record<Metric, string>> = {
  Bleu_1: 'BLEU-1',
  Bleu_2: 'BLEU-2',
  Bleu_3: 'BLEU-3',
  Bleu_4: 'BLEU-4',
  ROUGE_L: 'ROUGE-L',
  CIDEr: 'CIDEr',
};

/** `0.1873`: of a score, its interval, a difference. What rounds to nothing has no sign. */
export const formatMetric = (value: number) => value.toFixed(4).replace(/^-(?=0\.0+$)/, '');

/** `+0.0120`: of a difference. */
export const formatDifference = (value: number) => formatMetric(value).replace(/^(?!-)/, '+');

/** `0.1701 to 0.2044` */
export const formatInterval = ({ low, high }: { readonly low: number; readonly high: number }) =>
  `${formatMetric(low)} to ${formatMetric(high)}`;
