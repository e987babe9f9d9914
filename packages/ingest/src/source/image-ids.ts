import { compareCodePoints } from '@showtell/shared/object-store/key';

const INTEGER = /^(?:0|-?[1-9][0-9]*)$/;

/** Sorts by image id, in place: as numbers when all are integers (of any length), else by code points. */
export function sortByImageId<T extends { readonly imageId: string }>(rows: T[]): T[] {
  const compare = rows.every(({ imageId }) => INTEGER.test(imageId)) ? compareIntegers : compareCodePoints;
  return rows.sort((a, b) => compare(a.imageId, b.imageId));
}

/** The orders that image ids with this one among them may stand in. */
export function ordersOf(imageId: string): ((a: string, b: string) => number)[] {
  return INTEGER.test(imageId) ? [compareIntegers, compareCodePoints] : [compareCodePoints];
}

/** Integers may have more digits than a number holds, so they are compared as digits; what is no integer has some place among them. */
function compareIntegers(a: string, b: string): number {
  const [negativeA, negativeB] = [a.startsWith('-'), b.startsWith('-')];
  if (negativeA !== negativeB) return negativeA ? -1 : 1;
  const difference = a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
  return negativeA ? -difference : difference;
}
