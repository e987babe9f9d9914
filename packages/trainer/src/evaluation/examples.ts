import type { Metrics } from './scores';

export interface Examples<Image> {
  readonly good: readonly Image[];
  readonly average: readonly Image[];
  readonly bad: readonly Image[];
}

/**
 * Images whose captions are the best, the nearest to the mean and the worst, by CIDEr; ROUGE-L tells those of equal CIDEr apart.
 * No image is there twice, so that a small split shows fewer of each.
 */
export function chooseExamples<Image extends Metrics>(images: readonly Image[], each: number): Examples<Image> {
  const ranked = images.toSorted((a, b) => b.CIDEr - a.CIDEr || b.ROUGE_L - a.ROUGE_L);
  const share = Math.min(each, Math.ceil(ranked.length / 3));
  const good = ranked.slice(0, share);
  const bad = ranked.slice(share).slice(-share).toReversed();
  const mean = images.reduce((sum, { CIDEr }) => sum + CIDEr, 0) / images.length;
  const distance = ({ CIDEr }: Image) => Math.abs(CIDEr - mean);
  const between = ranked.slice(share, ranked.length - bad.length);
  return { good, average: between.sort((a, b) => distance(a) - distance(b)).slice(0, share), bad };
}
