import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { fillNewFolder, type NewFolder } from '@showtell/shared/new-folder';
import type { DecodingSettings } from '@showtell/shared/schema/checkpoint';
import { type OpenModel, openModel } from '@showtell/trainer/checkpoint/open-model';
import { evaluateModel, type ModelEvaluation, scoresOf } from '@showtell/trainer/evaluate-model';
import { encodeResultsFile, encodeScoresFile, RESULTS_FILE, SCORES_FILE } from '@showtell/trainer/evaluation/evaluation-files';
import { chooseExamples } from '@showtell/trainer/evaluation/examples';
import type { CommandContext } from '../context';
import { print, tell } from '../output/print';
import { type Progress, startProgress } from '../output/progress';
import { evaluationPage } from './evaluation-page';
import { readExamplePhotos } from './example-photos';
import { formatEvaluation } from './format-evaluation';

export interface SplitRequest {
  readonly run: string;
  readonly split: string;
  readonly decoding: Partial<DecodingSettings>;
  readonly anyPrecision: boolean;
  readonly limit?: number | undefined;
  readonly threads?: number | undefined;
}

export interface EvaluateRunOptions extends SplitRequest {
  readonly model: string;
  /** New or empty folder for the files. */
  readonly out?: string | undefined;
  readonly json: boolean;
}

/** Images of each kind on the page. */
const EXAMPLES = 8;

/** Evaluates a MODEL on a split, prints how it does, and keeps results, scores and a page in a folder. Errors as of `evaluateModel`. */
export async function evaluateRun(context: CommandContext, { model, out, json, ...request }: EvaluateRunOptions): Promise<void> {
  const evaluated = async () => {
    const evaluation = await evaluateWithProgress(context, await openModel(context.store, model), request);
    const scores = encodeScoresFile(scoresOf(evaluation));
    print(json ? scores.toString() : formatEvaluation(evaluation));
    return { evaluation, scores };
  };
  if (out === undefined) {
    await evaluated();
    return;
  }
  const { path } = await fillNewFolder(
    out,
    'the evaluation',
    async (folder) => {
      const { evaluation, scores } = await evaluated();
      await folder.keep(RESULTS_FILE, encodeResultsFile(evaluation.captioned));
      await folder.keep(SCORES_FILE, scores);
      await keepPage(context, evaluation, folder);
    },
    context.signal,
  );
  if (!json) print(`\n${RESULTS_FILE}, ${SCORES_FILE} and ${pathToFileURL(join(path, PAGE)).href}\n`);
}

const PAGE = 'gallery.html';

async function keepPage({ store, signal }: CommandContext, evaluation: ModelEvaluation, folder: NewFolder): Promise<void> {
  const examples = chooseExamples(evaluation.images, EXAMPLES);
  const shown = (['good', 'average', 'bad'] as const).flatMap((kind) =>
    examples[kind].map((image, index) => ({ image, name: `photos/${kind}-${index + 1}.jpg` })),
  );
  const { photos, trouble } = await readExamplePhotos(
    store,
    shown.map(({ image }) => image),
    signal,
  );
  if (trouble !== undefined) tell(`  ${PAGE} lacks pictures: ${trouble}\n`);
  const names = new Map<string, string>();
  for (const { image, name } of shown) {
    const photo = photos.get(image.imageId);
    if (photo === undefined) continue;
    await folder.keep(name, photo);
    names.set(image.imageId, name);
  }
  await folder.keep(PAGE, Buffer.from(evaluationPage({ evaluation, examples, photos: names, trouble })));
}

/** Evaluates a model with a bar. Errors as of `evaluateModel`. */
export async function evaluateWithProgress(
  { store, signal }: CommandContext,
  model: OpenModel,
  { threads, ...request }: SplitRequest,
): Promise<ModelEvaluation> {
  let bar: Progress | undefined;
  try {
    return await evaluateModel(store, model, {
      ...request,
      ...(threads !== undefined && { threads }),
      signal,
      onProgress: (done, total) => {
        bar ??= startProgress(`Captioning by ${model.model}`, total, { passing: true });
        bar.update(done);
      },
    });
  } finally {
    bar?.end();
  }
}
