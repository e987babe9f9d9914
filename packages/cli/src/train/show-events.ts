import type { OnTrainEvent } from '@showtell/trainer/train/events';
import pc from 'picocolors';
import { formatCount, formatSeconds } from '../output/format';
import { type Progress, startProgress } from '../output/progress';

/** Prints what a training tells: its figures on standard output, the way to them as a bar. */
export function showEvents(json: boolean): { readonly onEvent: OnTrainEvent; readonly end: () => void } {
  if (json) return { onEvent: (event) => process.stdout.write(`${JSON.stringify(event)}\n`), end: () => {} };
  let bar: Progress | undefined;
  const endBar = () => {
    bar?.end();
    bar = undefined;
  };
  const say = (line: string) => {
    endBar();
    process.stdout.write(`${line}\n`);
  };
  const onEvent: OnTrainEvent = (event) => {
    if (event.event === 'start')
      say(
        `${formatCount(event.samples)} captions, ${formatCount(event.validationSamples)} to validate on, ${formatCount(event.vocabulary)} words, ${event.epochs} epochs of ${formatCount(event.stepsPerEpoch)} steps${event.step > 0 ? `; going on from step ${formatCount(event.step)}` : ''}`,
      );
    else if (event.event === 'step') {
      bar ??= startProgress('Training', event.steps);
      bar.update(
        event.step,
        `epoch ${event.epoch}, loss ${event.loss.toFixed(3)}, ${formatCount(Math.round(event.tokensPerSecond))} words/s`,
      );
    } else if (event.event === 'epoch')
      say(
        `Epoch ${event.epoch}/${event.epochs}  loss ${event.loss.toFixed(4)}${event.validationLoss === null ? '' : `  validation loss ${event.validationLoss.toFixed(4)}`}`,
      );
    else if (event.event === 'checkpoint') say(pc.dim(`Checkpoint at step ${formatCount(event.step)} in ${formatSeconds(event.seconds)}`));
  };
  return { onEvent, end: endBar };
}
