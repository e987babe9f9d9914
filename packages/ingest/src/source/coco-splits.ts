import { ShowtellError } from '@showtell/shared/errors';
import { compareCodePoints } from '@showtell/shared/object-store/key';
import type { CocoView } from './coco-view';
import { chooseSplits, type NamedSplit, splitName } from './split-names';

/** Where one split of a COCO dataset lies. Names are relative to the dataset, wherever that lies. */
export interface CocoSplit extends NamedSplit {
  readonly folder: string;
  readonly annotations: string;
}

/** Names of captions files, with the split's name in the dataset. */
export const ANNOTATIONS = /^annotations\/captions_([^/]+)\.json$/;

/**
 * The splits that are wanted (all for none), in order of their names. They may be asked for with or without their year.
 * Throws `NOT_A_DATASET` where there are no annotations, `NOT_FOUND` for a split that is not there.
 */
export async function findSplits(view: CocoView, wanted: readonly string[], signal?: AbortSignal): Promise<CocoSplit[]> {
  const found: CocoSplit[] = [];
  for await (const key of view.annotations(signal)) {
    const stored = ANNOTATIONS.exec(key)?.[1];
    if (stored !== undefined) found.push({ split: splitName(stored, () => key), stored, folder: `${stored}/`, annotations: key });
  }
  if (found.length === 0)
    throw new ShowtellError('NOT_A_DATASET', `Expected annotations/captions_<split>.json in ${view.url} but received none: they are gone`);
  const chosen = chooseSplits(found, wanted, view.url);
  chosen.sort((a, b) => compareCodePoints(a.split, b.split) || compareCodePoints(a.stored, b.stored));
  const clash = chosen.filter(({ split }, index) => chosen.some((other, place) => place !== index && other.split === split));
  if (clash.length > 0)
    throw new ShowtellError(
      'NOT_A_DATASET',
      `Expected one captions file for split ${clash[0]!.split} of ${view.url} but received ${clash.map(({ annotations }) => annotations).join(' and ')}`,
      { hint: `Choose one with its year: --split ${clash[0]!.stored}` },
    );
  return chosen;
}
