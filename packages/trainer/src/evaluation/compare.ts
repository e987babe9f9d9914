import { ShowtellError } from '@showtell/shared/errors';
import { type BootstrapOptions, type Difference, pairedBootstrap } from './bootstrap';
import { type ReferencedCaption, scoreReferenced } from './evaluate';
import { METRICS, type Metric } from './scores';

/** A model's captions of a split, and its name. */
export interface ComparedModel {
  readonly name: string;
  readonly images: readonly ReferencedCaption[];
}

export interface ComparedImage {
  readonly imageId: string;
  readonly references: readonly string[];
  /** What the first and the second model say. */
  readonly captions: readonly [string, string];
  /** CIDEr of each. */
  readonly CIDEr: readonly [number, number];
  /** The second's CIDEr less the first's. */
  readonly difference: number;
}

export interface Comparison {
  readonly models: readonly [string, string];
  readonly metrics: Readonly<Record<Metric, Difference & { readonly first: number; readonly second: number }>>;
  /** Images of which each model's caption has the higher CIDEr, and those of which they are equal. */
  readonly wins: { readonly first: number; readonly second: number; readonly ties: number };
  /** Every image, the second model's greatest gains first. */
  readonly images: readonly ComparedImage[];
}

/**
 * Compares what two models say of the same images.
 * @throws ShowtellError `USAGE` when images or references are not the same.
 */
export function compareModels(first: ComparedModel, second: ComparedModel, options: BootstrapOptions = {}): Comparison {
  const pairs = paired(first, second);
  const [before, after] = [scoreReferenced(first.images), scoreReferenced(pairs)];
  const differences = pairedBootstrap(before, after, options);
  const images = pairs.map(({ imageId, references, caption }, index): ComparedImage => {
    const ciders = [before.images[index]!.CIDEr, after.images[index]!.CIDEr] as const;
    return { imageId, references, captions: [first.images[index]!.caption, caption], CIDEr: ciders, difference: ciders[1] - ciders[0] };
  });
  const count = (sign: number) => images.filter(({ difference }) => Math.sign(difference) === sign).length;
  return {
    models: [first.name, second.name],
    metrics: Object.fromEntries(
      METRICS.map((metric) => [metric, { first: before.metrics[metric], second: after.metrics[metric], ...differences[metric] }]),
    ) as Comparison['metrics'],
    wins: { first: count(-1), second: count(1), ties: count(0) },
    images: images.sort((a, b) => b.difference - a.difference),
  };
}

/** The second model's images in the first one's order. */
function paired(first: ComparedModel, second: ComparedModel): ReferencedCaption[] {
  const found = new Map(second.images.map((image) => [image.imageId, image]));
  const absent = first.images.filter(({ imageId }) => !found.has(imageId));
  if (absent.length > 0 || found.size !== first.images.length)
    throw otherImages(
      `${first.name} captioned ${first.images.length} images and ${second.name} ${found.size}` +
        (absent.length > 0 ? `, without ${absent.length} of them, such as ${absent[0]!.imageId}` : ''),
    );
  return first.images.map(({ imageId, references }) => {
    const image = found.get(imageId)!;
    if (image.references.length === references.length && image.references.every((reference, index) => reference === references[index]))
      return image;
    throw otherImages(`image ${imageId} has other references in ${second.name} than in ${first.name}`);
  });
}

function otherImages(what: string): ShowtellError {
  return new ShowtellError('USAGE', `Expected captions of the same images, with the same references, to compare, but ${what}`, {
    hint: 'Evaluate both models on the same split of the same run.',
  });
}
