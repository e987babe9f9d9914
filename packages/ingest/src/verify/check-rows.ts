import type { FeatureTable } from '@showtell/shared/arrow/feature-rows';
import type { PlanRow } from '@showtell/shared/schema/plan';
import type { Finding } from './finding';

export type RowFinding = Pick<Finding, 'what' | 'message' | 'images'>;

/** Ids that a finding lists, and that its message names. */
const LISTED = 100;
const NAMED = 5;

/**
 * What is wrong with the rows of a shard: rows and rejections together must be the planned images, each once and in the order of the
 * plan, and features finite numbers. Pure.
 * @param rejected image ids of the commit record's rejections.
 */
export function checkRows(
  planned: readonly Pick<PlanRow, 'imageId' | 'fileName'>[],
  rejected: readonly string[],
  table: FeatureTable,
): RowFinding[] {
  const names = new Map(planned.map(({ imageId, fileName }) => [imageId, fileName]));
  const times = new Map<string, number>();
  for (const imageId of [...table.imageIds, ...rejected]) times.set(imageId, (times.get(imageId) ?? 0) + 1);
  const found = [
    about(
      'missing',
      [...names.keys()].filter((imageId) => !times.has(imageId)),
      'planned and in neither rows nor rejections',
    ),
    about(
      'duplicate',
      [...times].filter(([, count]) => count > 1).map(([imageId]) => imageId),
      'there more than once',
    ),
    about(
      'unplanned',
      [...times.keys()].filter((imageId) => !names.has(imageId)),
      'not planned for this shard',
    ),
    about(
      'corrupt',
      table.imageIds.filter((imageId, row) => names.has(imageId) && names.get(imageId) !== table.fileNames[row]),
      'of another file name than planned',
    ),
    about('corrupt', notFinite(table), 'with a feature that is not finite'),
  ].flat();
  if (found.length > 0) return found;
  const refused = new Set(rejected);
  const kept = planned.filter(({ imageId }) => !refused.has(imageId)).map(({ imageId }) => imageId);
  return kept.every((imageId, row) => imageId === table.imageIds[row])
    ? []
    : [{ what: 'corrupt', message: 'rows are not in the order of the plan' }];
}

/** Image ids of the rows that hold NaN or an infinite number. */
export function notFinite({ imageIds, features, dimension }: FeatureTable): string[] {
  return imageIds.filter((_, row) => {
    for (let place = row * dimension; place < (row + 1) * dimension; place++) if (!Number.isFinite(features[place])) return true;
    return false;
  });
}

function about(what: RowFinding['what'], images: readonly string[], how: string): RowFinding[] {
  if (images.length === 0) return [];
  const named = `${images.slice(0, NAMED).join(', ')}${images.length > NAMED ? ', …' : ''}`;
  const counted = images.length === 1 ? '1 image is' : `${images.length} images are`;
  return [{ what, message: `${counted} ${how}: ${named}`, images: images.slice(0, LISTED) }];
}
