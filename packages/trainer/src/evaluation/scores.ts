import { ShowtellError } from '@showtell/shared/errors';
import { type BleuCounts, bleu, countBleu, sumBleu } from './bleu';
import { CiderD, DocumentFrequencies } from './cider';
import { type NgramCounts, NgramTable } from './ngrams';
import { rougeL } from './rouge';

/** By coco-caption's names, in its order. */
export const METRICS = ['Bleu_1', 'Bleu_2', 'Bleu_3', 'Bleu_4', 'ROUGE_L', 'CIDEr'] as const;
export type Metric = (typeof METRICS)[number];
export type Metrics = Readonly<Record<Metric, number>>;

/** Tokens, as `tokenize` makes them, of what is to be compared for one image. */
export interface CaptionsToScore {
  readonly imageId: string;
  readonly candidate: readonly string[];
  readonly references: readonly (readonly string[])[];
}

export interface Scores {
  /** Of all images: BLEU from summed counts, the others means over the images. */
  readonly metrics: Metrics;
  /** In the order they came in. */
  readonly images: readonly ({ readonly imageId: string } & Metrics)[];
  /** In the same order: what BLEU of any choice of the images is reckoned from. */
  readonly counts: readonly BleuCounts[];
}

/**
 * The metrics of COCO's caption evaluation, equal to coco-caption's. CIDEr takes its document frequencies from these references.
 * @throws ShowtellError `EMPTY_DATASET` without images, `CAPTION_INVALID` for an image without references.
 */
export function scoreCaptions(images: readonly CaptionsToScore[]): Scores {
  if (images.length === 0) throw new ShowtellError('EMPTY_DATASET', 'Expected captions to score but received none');
  const table = new NgramTable<string>();
  const references = images.map((image) => {
    if (image.references.length > 0) return image.references.map((reference) => table.add(split(reference)));
    throw new ShowtellError('CAPTION_INVALID', `Expected at least one reference for image ${image.imageId} but received none`);
  });
  const candidates = images.map(({ candidate }) => table.count(split(candidate)));
  const counts = candidates.map((candidate, index) => countBleu(candidate, references[index]!));
  const ciders = ciderScores(table, candidates, references);

  const perImage = images.map(({ imageId, candidate, references: captions }, index) => ({
    imageId,
    ...metricsOf(counts[index]!, rougeL(candidate, captions), ciders[index]!),
  }));
  const mean = (metric: Metric) => perImage.reduce((sum, image) => sum + image[metric], 0) / images.length;
  return { metrics: metricsOf(sumBleu(counts), mean('ROUGE_L'), mean('CIDEr')), images: perImage, counts };
}

/**
 * `1\u00A01/2` is one token to ROUGE and two to the others, because coco-caption splits text at spaces in the one and at any white
 * space in the others.
 */
function split(tokens: readonly string[]): readonly string[] {
  return tokens.some((token) => token.includes('\u00A0')) ? tokens.flatMap((token) => token.split('\u00A0')) : tokens;
}

function ciderScores(
  table: NgramTable<string>,
  candidates: readonly NgramCounts[],
  references: readonly (readonly NgramCounts[])[],
): number[] {
  const cider = new CiderD(DocumentFrequencies.counted(table, references));
  return candidates.map((candidate, index) =>
    cider.score(
      cider.vector(candidate),
      references[index]!.map((reference) => cider.vector(reference)),
    ),
  );
}

function metricsOf(counts: BleuCounts, rouge: number, cider: number): Metrics {
  const [one, two, three, four] = bleu(counts);
  return { Bleu_1: one!, Bleu_2: two!, Bleu_3: three!, Bleu_4: four!, ROUGE_L: rouge, CIDEr: cider };
}
