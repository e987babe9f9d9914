import { type Progress, startProgress } from './progress';

export interface StepProgress<Step extends string> {
  readonly step: Step;
  readonly done: number;
  readonly total: number;
}

/** One bar after the other, on a terminal only: elsewhere the report says it all. @param labels what stands before the bar of each step. */
export function progressOfSteps<Step extends string>(
  labels: Readonly<Record<Step, string>>,
): { readonly update: (progress: StepProgress<Step>) => void; readonly end: () => void } {
  let current: { readonly step: Step; readonly bar: Progress } | undefined;
  return {
    update: ({ step, done, total }) => {
      if (!process.stderr.isTTY) return;
      if (current?.step !== step) {
        current?.bar.end();
        current = { step, bar: startProgress(labels[step], total, { passing: true }) };
      }
      current.bar.update(done);
    },
    end: () => current?.bar.end(),
  };
}
