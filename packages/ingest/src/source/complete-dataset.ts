import { ShowtellError } from '@showtell/shared/errors';
import { compareCodePoints } from '@showtell/shared/object-store/key';
import type { CaptionRow, PlanRow } from '@showtell/shared/schema/plan';
import type { Dataset, DatasetSplit, ScanOptions } from './dataset';
import type { Findings } from './findings';
import { sortByImageId } from './image-ids';
import type { Photo } from './photo-table';

/** The photos of one split that are there, in image id order, with their captions; what is missing is counted. */
export function splitOf(split: string, photos: Photo[], found: ReadonlySet<Photo>, findings: Findings): DatasetSplit {
  const samples: PlanRow[] = [];
  const captionRows: CaptionRow[] = [];
  for (const photo of sortByImageId(photos)) {
    const { captions, split: _, path: __, ...row } = photo;
    if (!found.has(photo)) {
      findings.add('imagesMissing', row.sourceKey);
      continue;
    }
    if (captions.length === 0) findings.add('imagesWithoutCaption', row.zip?.entry ?? row.sourceKey);
    samples.push(row);
    for (const caption of captions) captionRows.push({ imageId: row.imageId, caption });
  }
  return { split, samples, captions: captionRows };
}

/**
 * The dataset of these splits. A split without photos is left out unless it was asked for: who fetched only some of the photos has
 * the captions of all.
 * @param empty the error of splits without photos.
 * @throws ShowtellError `empty`, `STRICT`, `CAPTION_INVALID`.
 */
export function completeDataset(
  found: readonly DatasetSplit[],
  findings: Findings,
  { splits: wanted, strict }: Pick<ScanOptions, 'splits' | 'strict'>,
  empty: (splits: readonly string[]) => ShowtellError,
): Dataset {
  const without = found.filter(({ samples }) => samples.length === 0).map(({ split }) => split);
  if (without.length > 0 && wanted.length > 0) throw empty(without);
  if (strict) findings.refuse();
  if (without.length === found.length) throw empty(without);
  const splits = found.filter(({ samples }) => samples.length > 0).toSorted((a, b) => compareCodePoints(a.split, b.split));
  return { splits, findings: findings.result() };
}
