import { type SampleReport, showSample } from '@showtell/ingest/admin/show-sample';
import { ShowtellError } from '@showtell/shared/errors';
import type { CommandContext } from '../context';
import { asJson, print } from '../output/print';
import { type Progress, startProgress } from '../output/progress';
import { featureFigures } from './feature-figures';
import { formatSample } from './format-sample';

export interface PrintSampleOptions {
  readonly run: string;
  readonly image: string;
  readonly json: boolean;
  /** All numbers of the feature, which only JSON has. */
  readonly feature: boolean;
}

/** Prints what became of one sample. Errors as of `showSample`. */
export async function printSample({ store, signal }: CommandContext, { run, image, json, feature }: PrintSampleOptions): Promise<void> {
  if (feature && !json) throw new ShowtellError('USAGE', 'Expected --json with --feature, which prints all numbers of the feature');
  let bar: Progress | undefined;
  const onProgress = (done: number, total: number) => {
    bar ??= startProgress('Looking through the plan for the file name', total, { passing: true });
    bar.update(done);
  };
  try {
    const sample = await showSample(store, { run, image, signal, onProgress });
    bar?.end();
    print(json ? asJson(toJson(sample, feature)) : formatSample(sample));
  } finally {
    bar?.end();
  }
}

function toJson({ planned, shardKey, commit, row, feature, rejection, ...sample }: SampleReport, withFeature: boolean): object {
  return {
    ...sample,
    ...planned,
    row: row ?? null,
    rejection: rejection ?? null,
    shardKey: shardKey ?? null,
    commit: commit === undefined ? null : { key: commit.key, sha256: commit.sha256, encoder: commit.encoder, execution: commit.execution },
    feature: feature === undefined ? null : { ...featureFigures(feature), ...(withFeature && { numbers: [...feature] }) },
  };
}
