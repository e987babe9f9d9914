import type { CaptionedImage } from '../caption-split';
import { type BootstrapOptions, bootstrapIntervals, type Interval } from './bootstrap';
import { type Metric, type Metrics, type Scores, scoreCaptions } from './scores';
import { tokenize } from './tokenizer';

/** A caption that a model made, and what people say of the same image. */
export interface ReferencedCaption extends Pick<CaptionedImage, 'imageId' | 'caption'> {
  /** At least one, as the dataset has them. */
  readonly references: readonly string[];
}

/** What can be told of captions without anybody else's. */
export interface CaptionFigures {
  readonly captions: number;
  /** Words of a caption, on average. */
  readonly meanLength: number;
  /** Captions that the model ended itself. */
  readonly ended: number;
  /** Different captions. */
  readonly distinct: number;
  /** Words that occur. */
  readonly words: number;
  /** Words that the model knows. */
  readonly vocabulary: number;
  /** Captions that are not in the training captions; `null` where these are not at hand. */
  readonly novel: number | null;
}

export type EvaluatedImage = ReferencedCaption & Metrics;

export interface Evaluation {
  readonly metrics: Metrics;
  readonly intervals: Readonly<Record<Metric, Interval>>;
  /** In the order they came in. */
  readonly images: readonly EvaluatedImage[];
}

/** COCO's scores of captions, as they are written and read, tokenised as coco-caption does. Errors as of `scoreCaptions`. */
export function scoreReferenced(images: readonly ReferencedCaption[]): Scores {
  return scoreCaptions(
    images.map(({ imageId, caption, references }) => ({ imageId, candidate: tokenize(caption), references: references.map(tokenize) })),
  );
}

/** Scores captions, and how far chance in the choice of images moves the scores. Errors as of `scoreCaptions`. */
export function evaluate<Image extends ReferencedCaption>(
  images: readonly Image[],
  options: BootstrapOptions = {},
): Evaluation & { readonly images: readonly (Image & Metrics)[] } {
  const scores = scoreReferenced(images);
  return {
    metrics: scores.metrics,
    intervals: bootstrapIntervals(scores, options),
    images: images.map((image, index) => ({ ...image, ...scores.images[index]! })),
  };
}

export interface CaptionFiguresOptions {
  /** Words that the model knows. */
  readonly vocabulary: number;
  /** The captions it was trained on, as words with a space between them; absent where they are not at hand. */
  readonly trainingCaptions?: Iterable<string> | undefined;
}

export function captionFigures(
  images: readonly Pick<CaptionedImage, 'caption' | 'ended'>[],
  { vocabulary, trainingCaptions }: CaptionFiguresOptions,
): CaptionFigures {
  const lengths = images.map(({ caption }) => wordsIn(caption).length);
  const distinct = new Set(images.map(({ caption }) => caption));
  const novel = trainingCaptions && without(distinct, trainingCaptions);
  return {
    captions: images.length,
    meanLength: lengths.reduce((sum, length) => sum + length, 0) / Math.max(1, images.length),
    ended: images.filter(({ ended }) => ended).length,
    distinct: distinct.size,
    words: new Set(images.flatMap(({ caption }) => wordsIn(caption))).size,
    vocabulary,
    novel: novel ? images.filter(({ caption }) => novel.has(caption)).length : null,
  };
}

const wordsIn = (caption: string) => caption.split(' ').filter((word) => word !== '');

/** There may be millions of training captions, of which none is kept. */
function without(captions: ReadonlySet<string>, training: Iterable<string>): Set<string> {
  const left = new Set(captions);
  for (const caption of training) left.delete(caption);
  return left;
}
