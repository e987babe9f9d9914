import { ShowtellError } from '@showtell/shared/errors';
import type { SplitOfRun } from '@showtell/shared/schema/checkpoint';
import type { ManifestRecord } from '@showtell/shared/schema/manifest';

/** A split as people name it; without a run it is that of every run that is trained on and has it. */
export interface SplitName {
  readonly run?: string | undefined;
  readonly split: string;
}

export interface SplitsAsked {
  /** Runs to train on, each once. */
  readonly runs: readonly string[];
  /** Default: `train` of each run. */
  readonly trainSplits?: readonly SplitName[] | undefined;
  /** Default: of each run the first of `val`, `validation` and `dev` that it has. Empty for none. */
  readonly validationSplits?: readonly SplitName[] | undefined;
}

export interface ChosenSplits {
  readonly trainSplits: SplitOfRun[];
  readonly validationSplits: SplitOfRun[];
}

/** The runs that a training trains on, each once. */
export const trainedRuns = ({ trainSplits }: Pick<ChosenSplits, 'trainSplits'>): string[] => [
  ...new Set(trainSplits.map(({ run }) => run)),
];

const TRAIN_SPLIT = 'train';
const VALIDATION_SPLITS = ['val', 'validation', 'dev'];
const TRAIN_FLAG = '--train-split';
const VALIDATION_FLAG = '--validation-split';

/** `RUN:SPLIT`, as messages and aliases name it. */
export const splitText = ({ run, split }: SplitOfRun): string => `${run}:${split}`;

/**
 * Which splits a training reads.
 * @param manifests of the runs to train on and of those that validation splits name, by run.
 * @throws ShowtellError `NOT_FOUND` (a run has no such split; lists those it has), `CONFIG_INVALID` (one would be trained on twice, or validated
 * on as well; a run that is not among those to train on; a run of which nothing is trained on).
 */
export function chooseSplits(manifests: ReadonlyMap<string, ManifestRecord>, { runs, ...asked }: SplitsAsked): ChosenSplits {
  const usable = new Map([...manifests].map(([run, { splits }]) => [run, usableSplits(splits)]));
  const resolve = (names: readonly SplitName[], flag: string) => names.flatMap((name) => resolveName(name, runs, usable, flag));

  // Of such a run nobody has read what splits it has.
  const foreign = asked.trainSplits?.find(({ run }) => run !== undefined && !runs.includes(run));
  if (foreign?.run !== undefined)
    throw new ShowtellError('CONFIG_INVALID', `Split ${foreign.run}:${foreign.split} is to be trained on but run ${foreign.run} is not`, {
      hint: `Name its run, too: showtell train ${[...runs, foreign.run].join(' ')}.`,
    });
  const trainSplits = resolve(asked.trainSplits ?? runs.map((run) => ({ run, split: TRAIN_SPLIT })), TRAIN_FLAG);
  const idle = runs.find((run) => !trainSplits.some((split) => split.run === run));
  if (idle !== undefined)
    throw new ShowtellError(
      'CONFIG_INVALID',
      `None of the splits of run ${idle} is trained on; it has: ${usable.get(idle)?.join(', ') ?? 'none'}`,
      { hint: `Leave the run out, or name one of its splits: ${TRAIN_FLAG} ${idle}:SPLIT.` },
    );
  refuseTwice(trainSplits, 'trained on twice', TRAIN_FLAG);

  const isTrained = (candidate: SplitOfRun) => trainSplits.some((split) => splitText(split) === splitText(candidate));
  const byDefault = () =>
    runs.flatMap((run) => {
      const split = VALIDATION_SPLITS.find((name) => usable.get(run)!.includes(name) && !isTrained({ run, split: name }));
      return split === undefined ? [] : [{ run, split }];
    });
  const validationSplits = asked.validationSplits === undefined ? byDefault() : resolve(asked.validationSplits, VALIDATION_FLAG);
  refuseTwice(validationSplits, 'validated on twice', VALIDATION_FLAG);
  const both = validationSplits.find(isTrained);
  if (both)
    throw new ShowtellError('CONFIG_INVALID', `Split ${splitText(both)} would be both trained on and validated on`, {
      hint: `Name another with ${VALIDATION_FLAG}, or none.`,
    });
  return { trainSplits, validationSplits };
}

/** Splits that have an image with a feature, and captions. */
function usableSplits(splits: ManifestRecord['splits']): string[] {
  return splits.filter(({ rows, captions }) => rows > 0 && captions > 0).map(({ split }) => split);
}

function resolveName(
  { run, split }: SplitName,
  runs: readonly string[],
  usable: ReadonlyMap<string, readonly string[]>,
  flag: string,
): SplitOfRun[] {
  const among = run === undefined ? runs : [run];
  const found = among.filter((name) => usable.get(name)!.includes(split));
  if (found.length > 0) return found.map((name) => ({ run: name, split }));
  const there = among.map((name) => `${name} has ${usable.get(name)!.length > 0 ? usable.get(name)!.join(', ') : 'none'}`).join('; ');
  throw new ShowtellError('NOT_FOUND', `There is no split ${JSON.stringify(split)} with captions: run ${there}`, {
    hint: `Name one of them with ${flag}.`,
  });
}

function refuseTwice(splits: readonly SplitOfRun[], what: string, flag: string): void {
  const twice = splits.find((split, index) => splits.findIndex((other) => splitText(other) === splitText(split)) < index);
  if (twice)
    throw new ShowtellError('CONFIG_INVALID', `Split ${splitText(twice)} would be ${what}`, { hint: `Name it once with ${flag}.` });
}
