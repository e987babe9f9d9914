import { isShowtellError, ShowtellError } from '@showtell/shared/errors';
import { DecodingSettings } from '@showtell/shared/schema/checkpoint';
import { Count, encodeRecord, parseRecord } from '@showtell/shared/schema/record';
import { z } from 'zod';
import type { CaptionedImage } from '../caption-split';

/** What `evaluate` writes into its folder. */
export const RESULTS_FILE = 'results.json';
export const SCORES_FILE = 'scores.json';
const SCORES_FORMAT = 1;

/** COCO's ids are numbers in its files; whatever else an id is, it is text. */
const FileImageId = z.union([z.int(), z.string()]).transform(String);

const metrics = { Bleu_1: z.number(), Bleu_2: z.number(), Bleu_3: z.number(), Bleu_4: z.number(), ROUGE_L: z.number(), CIDEr: z.number() };
const Interval = z.object({ low: z.number(), high: z.number() });

/** `scores.json`: how a model does on a split. Fields of images are named as in COCO's files. */
export const ScoresFile = z.object({
  formatVersion: z.literal(SCORES_FORMAT),
  model: z.string(),
  training: z.string(),
  step: Count,
  run: z.string(),
  split: z.string(),
  /** Of the features, and of those that the model was trained on. */
  precision: z.object({ features: z.string(), training: z.string() }),
  decoding: DecodingSettings,
  metrics: z.object(metrics),
  intervals: z.object({
    Bleu_1: Interval,
    Bleu_2: Interval,
    Bleu_3: Interval,
    Bleu_4: Interval,
    ROUGE_L: Interval,
    CIDEr: Interval,
  }),
  captions: z.object({
    captions: Count,
    meanLength: z.number(),
    ended: Count,
    distinct: Count,
    words: Count,
    vocabulary: Count,
    novel: Count.nullable(),
  }),
  images: z.array(
    z.object({
      image_id: FileImageId,
      file_name: z.string(),
      caption: z.string(),
      references: z.array(z.string()).min(1),
      ended: z.boolean(),
      logProbability: z.number(),
      ...metrics,
    }),
  ),
});
/** With ids as text, as everywhere but in files. */
export type ScoresFile = z.output<typeof ScoresFile>;

export function encodeScoresFile(scores: Omit<ScoresFile, 'formatVersion'>): Buffer {
  const images = scores.images.map((image) => ({ ...image, image_id: fileImageId(image.image_id) }));
  return encodeRecord({ formatVersion: SCORES_FORMAT, ...scores, images });
}

/** @throws ShowtellError `FORMAT_VERSION` for one of another version; `USAGE` for a file that is none of ours. */
export function decodeScoresFile(body: Uint8Array, where: string): ScoresFile {
  try {
    return parseRecord(ScoresFile, SCORES_FORMAT, body, where);
  } catch (error) {
    if (!isShowtellError(error) || (error.code === 'FORMAT_VERSION' && Buffer.from(body).includes('"formatVersion"'))) throw error;
    throw new ShowtellError('USAGE', `Expected a ${SCORES_FILE} that \`showtell evaluate\` wrote but ${error.message}`, { cause: error });
  }
}

/** Captions as COCO's results files have them, for its server and everybody's tools. */
export function encodeResultsFile(images: readonly Pick<CaptionedImage, 'imageId' | 'caption'>[]): Buffer {
  const lines = images.map(({ imageId, caption }) => JSON.stringify({ image_id: fileImageId(imageId), caption }));
  return Buffer.from(`[\n${lines.join(',\n')}\n]\n`);
}

/** An id that came from a number is one again; others, `007` among them, stay text. */
export function fileImageId(imageId: string): number | string {
  const number = Number(imageId);
  return /^\d+$/.test(imageId) && Number.isSafeInteger(number) && String(number) === imageId ? number : imageId;
}
