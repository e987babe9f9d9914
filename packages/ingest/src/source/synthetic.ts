import { ShowtellError } from '@showtell/shared/errors';
import type { CaptionRow, PlanRow } from '@showtell/shared/schema/plan';
import { captionsOf } from '@showtell/shared/source/synthetic-captions';
import { FEWEST_PICTURES, type Picture, picturesOf } from '@showtell/shared/source/synthetic-scene';
import type { Dataset, DatasetSource } from './dataset';
import { Findings } from './findings';
import type { SourceKind } from './source-kind';

/** Five digits number the pictures within their keys, and keys must sort in their order. */
const MOST_PICTURES = 100_000;
const SPLITS = ['test', 'train', 'val'] as const;

/** Recognised by its name alone: nothing of it lies anywhere. */
export const synthetic: SourceKind = {
  kind: 'synthetic',
  looks: 'synthetic:N, drawn pictures with exact captions',
  prefixes: [],
  recognise: () => [],
  open: ({ url }) => syntheticDataset(url),
};

/** The drawn dataset `synthetic:N` or `synthetic:N?seed=S`: the same pictures, captions and splits for the same N and S. */
export function syntheticDataset(url: string): DatasetSource {
  const { count, seed } = parse(url);
  return {
    address: { kind: 'synthetic', url: `synthetic:${count}${seed === DEFAULT_SEED ? '' : `?seed=${seed}`}` },
    async scan({ splits, signal }): Promise<Dataset> {
      signal?.throwIfAborted();
      checkSplits(splits, url);
      const pictures = picturesOf(count, seed);
      const wanted = SPLITS.filter((split) => splits.length === 0 || splits.includes(split));
      return {
        splits: wanted.map((split) => {
          const ofSplit = pictures.filter((picture) => picture.split === split);
          return { split, samples: ofSplit.map(planRow), captions: ofSplit.flatMap(captionRows) };
        }),
        findings: new Findings().result(),
      };
    },
  };
}

const DEFAULT_SEED = 1;

function parse(url: string): { count: number; seed: number } {
  const [, countText, seedText] = /^synthetic:(\d{1,9})(?:\?seed=(\d{1,9}))?$/.exec(url) ?? [];
  const count = Number(countText);
  if (!(count >= FEWEST_PICTURES && count <= MOST_PICTURES)) {
    throw new ShowtellError(
      'USAGE',
      `Expected "synthetic:N" or "synthetic:N?seed=S" with N from ${FEWEST_PICTURES} to ${MOST_PICTURES} and a whole number S but received ${JSON.stringify(url)}`,
      { hint: 'Try synthetic:200.' },
    );
  }
  return { count, seed: seedText === undefined ? DEFAULT_SEED : Number(seedText) };
}

function checkSplits(splits: readonly string[], url: string): void {
  const unknown = splits.filter((split) => !(SPLITS as readonly string[]).includes(split));
  if (unknown.length === 0) return;
  throw new ShowtellError('NOT_FOUND', `Expected a split of ${url} (${SPLITS.join(', ')}) but received ${unknown.join(', ')}`);
}

/** Nothing is stored, so there is no etag, and no size before drawing. */
function planRow({ key }: Picture): PlanRow {
  return { imageId: key, fileName: `${key}.png`, sourceKey: key, etag: '', bytes: 0, licence: '', url: '' };
}

function captionRows(picture: Picture): CaptionRow[] {
  return captionsOf(picture).map((caption) => ({ imageId: picture.key, caption }));
}
