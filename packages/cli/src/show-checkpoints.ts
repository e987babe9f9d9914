import { EXIT, isShowtellError, type ShowtellError } from '@showtell/shared/errors';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { readAliases } from '@showtell/trainer/checkpoint/aliases';
import { listCheckpoints } from '@showtell/trainer/checkpoint/checkpoints';
import { trainingNames } from '@showtell/trainer/checkpoint/model-name';
import { trainedRuns } from '@showtell/trainer/train/choose-splits';
import { readDone } from '@showtell/trainer/train/done';
import { readTraining } from '@showtell/trainer/train/freeze';
import pc from 'picocolors';
import { formatRate } from './output/format';
import { asJson, print } from './output/print';
import { formatTable } from './output/table';

const NONE = '–';
const METRIC_NAMES: Readonly<Record<string, string>> = { validationCider: 'CIDEr', validationLoss: 'loss' };
const STATES = { completed: 'complete', diverged: 'diverged', open: 'incomplete' } as const;
const figure = (value: number | null | undefined) => (typeof value === 'number' ? value.toFixed(4) : NONE);

/**
 * Prints every training of the store; one with a damaged record keeps none of the others from being printed.
 * @throws ShowtellError what is damaged, once the rest is printed.
 */
export async function showTrainings(store: ObjectStore, json: boolean): Promise<void> {
  const found = await Promise.all((await trainingNames(store)).map((name) => lookAtTraining(store, name)));
  const rows = found.filter((row) => 'runs' in row);
  const unreadable = found.filter((row) => 'unreadable' in row);
  if (json) {
    const damaged = unreadable.map(({ training, unreadable: { code, message } }) => ({
      training,
      state: 'unreadable',
      error: { code, message },
    }));
    print(asJson([...rows, ...damaged]));
  } else if (found.length === 0) print('There is no training in this store yet. Make one: showtell train RUN\n');
  else {
    if (rows.length > 0) print(formatTrainings(rows));
    for (const { training, unreadable: error } of unreadable) print(`${pc.red('unreadable')} ${training}: ${error.message}\n`);
  }
  if (unreadable[0] !== undefined) throw unreadable[0].unreadable;
}

type ListedTraining = Awaited<ReturnType<typeof readListed>>;

async function lookAtTraining(
  store: ObjectStore,
  name: string,
): Promise<ListedTraining | { readonly training: string; readonly unreadable: ShowtellError }> {
  try {
    return await readListed(store, name);
  } catch (error) {
    if (!isShowtellError(error) || error.exitCode !== EXIT.DAMAGED) throw error;
    return { training: name, unreadable: error };
  }
}

async function readListed(store: ObjectStore, name: string) {
  const [{ trainSplits, preset, hyperparameters }, done, aliases] = await Promise.all([
    readTraining(store, name),
    readDone(store, name),
    readAliases(store, name),
  ]);
  const best = aliases.get('best');
  return {
    training: name,
    runs: trainedRuns({ trainSplits }),
    preset,
    epochs: hyperparameters.epochs,
    state: STATES[done?.outcome ?? 'open'],
    latestStep: aliases.get('latest')?.step ?? null,
    bestStep: best?.step ?? null,
    bestMetric: best?.metric ?? null,
  };
}

function formatTrainings(rows: readonly ListedTraining[]): string {
  return formatTable(
    ['training', 'state', 'run', 'preset', 'epochs', 'latest', 'best', 'metric'],
    rows.map((row) => [
      row.training,
      row.state,
      row.runs.join(' '),
      row.preset,
      row.epochs,
      row.latestStep ?? NONE,
      row.bestStep ?? NONE,
      row.bestMetric ? `${METRIC_NAMES[row.bestMetric.name] ?? row.bestMetric.name} ${figure(row.bestMetric.value)}` : NONE,
    ]),
  );
}

/** Prints the checkpoints of one training, oldest first. @throws ShowtellError `NOT_FOUND`, listing the trainings there are. */
export async function showCheckpoints(store: ObjectStore, training: string, json: boolean): Promise<void> {
  await readTraining(store, training);
  const aliases = [...(await readAliases(store, training))];
  const rows = (await listCheckpoints(store, training)).map(({ folder, sha256, record }) => ({
    model: `${training}:${record.step}`,
    step: record.step,
    epoch: record.epoch,
    loss: record.loss,
    validationLoss: record.validationLoss,
    validationCider: record.validationCider,
    learningRate: record.learningRate,
    aliases: aliases.filter(([, alias]) => alias.checkpoint === folder).map(([name]) => name),
    folder,
    sha256,
  }));
  if (json) print(asJson(rows));
  else if (rows.length === 0) print(`The training ${training} has no checkpoint yet.\n`);
  else
    print(
      formatTable(
        ['model', 'epoch', 'step', 'learning rate', 'loss', 'validation loss', 'CIDEr', 'aliases'],
        rows.map((row) => [
          row.model,
          row.epoch,
          row.step,
          formatRate(row.learningRate),
          figure(row.loss),
          figure(row.validationLoss),
          figure(row.validationCider),
          pc.green(row.aliases.map((alias) => `@${alias}`).join(' ')),
        ]),
      ),
    );
}
