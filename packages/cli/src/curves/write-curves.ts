import { randomBytes } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ShowtellError } from '@showtell/shared/errors';
import { newFileError } from '@showtell/shared/local-file-error';
import { makeFolder } from '@showtell/shared/make-folder';
import { EVENT_FILE, encodeEventFile } from '@showtell/trainer/curves/event-file';
import { encodeMetricLines } from '@showtell/trainer/curves/metric-lines';
import { readMetrics } from '@showtell/trainer/curves/read-metrics';
import { readTraining } from '@showtell/trainer/train/freeze';
import type { CommandContext } from '../context';
import { plural } from '../output/format';
import { print } from '../output/print';
import { curvesPage, type PlotLibrary } from './curves-page';
import type { TrainingCurves } from './plots';

export interface WriteCurvesOptions {
  readonly trainings: readonly string[];
  /** Folder; what is there of an earlier call is replaced. */
  readonly out: string;
  /** Prints the figures instead of writing files. */
  readonly json: boolean;
}

/**
 * Writes the figures of trainings as JSON lines, as a page with plots, and as TensorBoard's event files.
 * @throws ShowtellError `NOT_FOUND` for a training that is not there, or has no figures yet; `DISK_FULL`, `FILE_DENIED`.
 */
export async function writeCurves({ store, signal }: CommandContext, { trainings, out, json }: WriteCurvesOptions): Promise<void> {
  const curves: TrainingCurves[] = [];
  for (const training of new Set(trainings)) {
    await readTraining(store, training);
    const lines = await readMetrics(store, training, signal);
    if (lines.length === 0)
      throw new ShowtellError('NOT_FOUND', `Training ${training} has no figures yet`, {
        hint: 'They come with its first checkpoint, at the end of the first epoch.',
      });
    curves.push({ training, lines });
  }
  const metrics = encodeMetricLines(curves.flatMap(({ training, lines }) => lines.map((line) => ({ training, ...line }))));
  if (json) {
    print(metrics.toString());
    return;
  }
  const page = join(resolve(out), 'curves.html');
  await replaceFile(join(out, 'metrics.jsonl'), metrics);
  await replaceFile(page, curvesPage(curves, await plotLibrary()));
  for (const { training, lines } of curves) await replaceFile(join(out, 'tensorboard', training, EVENT_FILE), encodeEventFile(lines));
  const steps = curves.reduce((sum, { lines }) => sum + lines.filter(({ event }) => event === 'step').length, 0);
  print(
    [
      `${plural(steps, 'step')} of ${plural(curves.length, 'training')} in ${join(out, 'metrics.jsonl')}`,
      `Plots: ${pathToFileURL(page).href}`,
      `TensorBoard: tensorboard --logdir ${join(out, 'tensorboard')}`,
      '',
    ].join('\n'),
  );
}

/** uPlot (https://github.com/leeoniya/uPlot): draws thousands of points at once, 51 kB, and wants nothing else. */
async function plotLibrary(): Promise<PlotLibrary> {
  const read = (name: string) => readFile(require.resolve(`uplot/dist/${name}`), 'utf8');
  const [script, style] = await Promise.all([read('uPlot.iife.min.js'), read('uPlot.min.css')]);
  return { script, style };
}

/** TensorBoard and readers of the page may look at any moment: a file is there whole, the old or the new one. */
async function replaceFile(path: string, body: string | Uint8Array): Promise<void> {
  const partial = `${path}.partial-${randomBytes(4).toString('hex')}`;
  try {
    await makeFolder(dirname(path));
    await writeFile(partial, body);
    await rename(partial, path);
  } catch (error) {
    // What kept the file from being written may keep it from being removed; the first error is the one to tell.
    await rm(partial, { force: true }).catch(() => {});
    throw newFileError(error, 'write the curves to', path);
  }
}
