import { ShowtellError } from '@showtell/shared/errors';
import { isName, slug } from '@showtell/shared/names';

/** A split as Showtell and as the dataset names it. */
export interface NamedSplit {
  /** Without the year. */
  readonly split: string;
  /** `val2017`. */
  readonly stored: string;
}

const YEAR = /(?<=.)(?:19|20)\d\d$/;

/** A COCO year is dropped: `val2017` is split `val`. The name becomes part of object keys. Throws `NOT_A_DATASET`. */
export function splitName(stored: string, where: () => string): string {
  const name = slug(stored.replace(YEAR, ''));
  if (isName(name)) return name;
  throw new ShowtellError(
    'NOT_A_DATASET',
    `Expected a split's name with a letter in it but received ${JSON.stringify(stored)}, from ${where()}`,
  );
}

/** The splits that are wanted, by one of their names; all for none. Throws `NOT_FOUND` for a split that is not there. */
export function chooseSplits<T extends NamedSplit>(found: readonly T[], wanted: readonly string[], url: string): T[] {
  const unknown = wanted.filter((name) => !found.some((split) => isCalled(split, name)));
  if (unknown.length > 0)
    throw new ShowtellError(
      'NOT_FOUND',
      `Expected a split of ${url} (${[...new Set(found.map(({ split }) => split))].join(', ')}) but received ${unknown.join(', ')}`,
    );
  return wanted.length === 0 ? [...found] : found.filter((split) => wanted.some((name) => isCalled(split, name)));
}

const isCalled = ({ split, stored }: NamedSplit, name: string) => name === split || name === stored;
