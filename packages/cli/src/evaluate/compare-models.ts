import { existsSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ShowtellError } from '@showtell/shared/errors';
import { openModel } from '@showtell/trainer/checkpoint/open-model';
import { type ComparedModel, compareModels } from '@showtell/trainer/evaluation/compare';
import { decodeScoresFile, SCORES_FILE } from '@showtell/trainer/evaluation/evaluation-files';
import type { CommandContext } from '../context';
import { asJson, print } from '../output/print';
import { evaluateWithProgress, type SplitRequest } from './evaluate-run';
import { formatComparison } from './format-comparison';

export interface CompareOptions extends Omit<SplitRequest, 'run'> {
  readonly models: readonly [string, string];
  /** Needed unless both models are evaluated already. */
  readonly run?: string | undefined;
  readonly json: boolean;
}

/**
 * Compares two models, each a MODEL that is evaluated now or what `evaluate --out` has written, and prints the comparison.
 * @throws ShowtellError `USAGE` without a run to evaluate on, or for captions of different images; the errors of `evaluateModel`.
 */
export async function compare(context: CommandContext, { models, json, ...request }: CompareOptions): Promise<void> {
  // Both names are looked up before anything is captioned, which takes long.
  const [first, second] = [await findModel(context, models[0], request), await findModel(context, models[1], request)];
  const comparison = compareModels(await first(), await second());
  print(json ? asJson(comparison) : formatComparison(comparison));
}

/** @returns what captions the split by that model. */
async function findModel(
  context: CommandContext,
  name: string,
  { run, ...request }: Omit<CompareOptions, 'models' | 'json'>,
): Promise<() => Promise<ComparedModel>> {
  const file = scoresFileAt(name);
  if (file !== undefined) {
    const { images } = decodeScoresFile(await readFile(file), file);
    const captions = images.map(({ image_id, caption, references }) => ({ imageId: image_id, caption, references }));
    return async () => ({ name, images: captions });
  }
  if (run === undefined)
    throw new ShowtellError('USAGE', `Expected --run for the model ${name}, which is not evaluated yet`, {
      hint: `Name the run to evaluate on, or a folder that \`showtell evaluate ${name} --out FOLDER\` made.`,
    });
  const model = await openModel(context.store, name);
  return async () => ({ name, images: (await evaluateWithProgress(context, model, { ...request, run })).images });
}

/** Where a folder of `evaluate`, or a file of scores itself, was named; `undefined` for a MODEL. */
function scoresFileAt(name: string): string | undefined {
  if (!existsSync(name)) return undefined;
  if (statSync(name).isFile()) return name;
  const file = join(name, SCORES_FILE);
  return existsSync(file) ? file : undefined;
}
