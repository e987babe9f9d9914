import { ShowtellError } from '@showtell/shared/errors';
import { fileImageId } from '@showtell/trainer/evaluation/evaluation-files';
import { METRICS, type Scores, scoreCaptions } from '@showtell/trainer/evaluation/scores';
import { tokenize } from '@showtell/trainer/evaluation/tokenizer';
import { plural } from '../output/format';
import { formatMetric, METRIC_LABELS } from '../output/metric-labels';
import { asJson, print, tell } from '../output/print';
import { formatTable } from '../output/table';
import { readCaptionFile } from './caption-file';
import type { CaptionRecord } from './caption-records';

export interface ScoreFilesOptions {
  /** Paths. */
  readonly candidates: string;
  readonly references: string;
  readonly json: boolean;
  readonly signal?: AbortSignal;
}

export interface FileScores extends Scores {
  /** Images with references that have no candidate. */
  readonly unscored: number;
  /** Candidates without a word. */
  readonly wordless: number;
}

/** Most images that a message names. */
const NAMED = 5;

/** Scores the captions of one file against those of another, and prints the scores. Errors as of `scoreCaptionFiles`. */
export async function scoreFiles({ json, ...files }: ScoreFilesOptions): Promise<void> {
  const scores = await scoreCaptionFiles(files);
  if (json) {
    const images = scores.images.map(({ imageId, ...metrics }) => ({ image_id: fileImageId(imageId), ...metrics }));
    print(asJson({ metrics: scores.metrics, images }));
  } else {
    const rows = METRICS.map((metric) => [METRIC_LABELS[metric], formatMetric(scores.metrics[metric])]);
    print(`${plural(scores.images.length, 'image')}\n\n${formatTable(['metric', 'score'], rows)}`);
  }
  if (scores.wordless > 0) tell(`${plural(scores.wordless, 'candidate')} without a word: scored as 0\n`);
  if (scores.unscored > 0) tell(`${plural(scores.unscored, 'image')} of ${files.references} without a candidate: not scored\n`);
}

/**
 * Scores every candidate against the references of its image. Only images with a candidate count, in document frequencies too.
 * @throws ShowtellError as of `readCaptionFile`; `EMPTY_DATASET` without candidates; `BROKEN_ANNOTATIONS` for an image twice in the
 * candidates, or without references; `CAPTION_INVALID` for a reference without a word.
 */
export async function scoreCaptionFiles({
  candidates,
  references,
  signal,
}: Pick<ScoreFilesOptions, 'candidates' | 'references' | 'signal'>): Promise<FileScores> {
  const images = new Map<string, ImageToScore>();
  await readCaptionFile(candidates, (record) => takeCandidate(images, record), signal);
  if (images.size === 0)
    throw new ShowtellError('EMPTY_DATASET', `Expected captions to score in ${candidates} but received none`, {
      hint: 'Expected a list of {"image_id", "caption"}, one such object a line, or COCO annotations.',
    });

  const unscored = new Set<string>();
  await readCaptionFile(
    references,
    (record) => {
      const image = images.get(record.imageId);
      if (image === undefined) unscored.add(record.imageId);
      else image.references.push(wordsOf(record));
    },
    signal,
  );
  checkReferences(images, references);
  const matched = Array.from(images, ([imageId, { candidate, references: captions }]) => ({ imageId, candidate, references: captions }));
  const wordless = matched.filter(({ candidate }) => candidate.length === 0).length;
  return { ...scoreCaptions(matched), unscored: unscored.size, wordless };
}

interface ImageToScore {
  readonly candidate: string[];
  readonly references: string[][];
  readonly where: string;
}

function takeCandidate(images: Map<string, ImageToScore>, { imageId, caption, where }: CaptionRecord): void {
  const first = images.get(imageId);
  if (first !== undefined)
    throw new ShowtellError(
      'BROKEN_ANNOTATIONS',
      `${where}: Expected one caption for image ${imageId} but received another than in ${first.where}`,
      {
        hint: 'Candidates hold one caption for each image; the file with several is the second argument.',
      },
    );
  images.set(imageId, { candidate: tokenize(caption), references: [], where });
}

/** A reference without a word would shorten the length that candidates are measured by. */
function wordsOf({ imageId, caption, where }: CaptionRecord): string[] {
  const tokens = tokenize(caption);
  if (tokens.length > 0) return tokens;
  throw new ShowtellError(
    'CAPTION_INVALID',
    `${where}: Expected words in a reference of image ${imageId} but received ${JSON.stringify(caption)}`,
    {
      hint: 'Leave that reference out.',
    },
  );
}

function checkReferences(images: ReadonlyMap<string, ImageToScore>, path: string): void {
  const without = [...images].filter(([, { references }]) => references.length === 0);
  const [first] = without;
  if (first === undefined) return;
  const names = without.slice(0, NAMED).map(([imageId]) => imageId);
  const rest = without.length > NAMED ? ` and ${without.length - NAMED} more` : '';
  throw new ShowtellError(
    'BROKEN_ANNOTATIONS',
    `${first[1].where}: Expected references in ${path} for every candidate but received none for ${without.length === 1 ? 'image' : 'images'} ${names.join(', ')}${rest}`,
    { hint: 'Score against the references of the images that were captioned; image_id must be the same in both files.' },
  );
}
