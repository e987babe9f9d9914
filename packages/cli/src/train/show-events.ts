import type { OnTrainEvent } from '@showtell/trainer/train/events';
import pc from 'picocolors';
import { formatCount, formatRate, formatSeconds, plural } from '../output/format';
import { print } from '../output/print';
import { type Progress, startProgress } from '../output/progress';

/** Tells what a training does: its figures by `write`, the way to them as a bar. */
export function showEvents({ json = false, write = print }: { readonly json?: boolean; readonly write?: (text: string) => void } = {}): {
  readonly onEvent: OnTrainEvent;
  readonly end: () => void;
} {
  if (json) return { onEvent: (event) => write(`${JSON.stringify(event, errorsAsText)}\n`), end: () => {} };
  let bar: Progress | undefined;
  let epochs = 0;
  let lossOf = lossText;
  const endBar = () => {
    bar?.end();
    bar = undefined;
  };
  const say = (line: string) => {
    endBar();
    write(`${line}\n`);
  };
  const onEvent: OnTrainEvent = (event) => {
    if (event.event === 'start') {
      ({ epochs } = event);
      if (event.objective === 'self-critical') lossOf = rewardText;
      say(
        `Training ${event.training}: ${plural(event.samples, event.objective === 'self-critical' ? 'image' : 'caption')}, ${formatCount(event.validationSamples)} to validate on, ${plural(event.vocabulary, 'word')}, ${plural(event.epochs, 'epoch')} of ${plural(event.stepsPerEpoch, 'step')}${event.step > 0 ? `; going on from step ${formatCount(event.step)}` : ''}`,
      );
      if (event.featureBytes > event.featureMemory) say(notAllInMemory(event));
    } else if (event.event === 'trouble') say(pc.yellow(`Trouble: ${event.what}: ${messageOf(event.error)}`));
    else if (event.event === 'waiting')
      say(
        `${event.holder} did not end its training of ${event.training}: waiting ${formatSeconds(event.seconds)} to see whether it still works`,
      );
    else if (event.event === 'step') {
      bar ??= startProgress('Training', event.steps, { passing: true });
      bar.update(
        event.step,
        `epoch ${event.epoch}, ${lossOf(event.loss, 3)}, learning rate ${formatRate(event.learningRate)}, ${formatCount(Math.round(event.tokensPerSecond))} words/s`,
      );
    } else if (event.event === 'epoch')
      say(`Epoch ${event.epoch}/${event.epochs}  ${lossOf(event.loss, 4)}${validated(event)}  ${formatSeconds(event.seconds)}`);
    else if (event.event === 'end' && event.outcome === 'completed' && event.epoch < epochs) say(`Ended early: ${event.reason}`);
    else if (event.event === 'checkpoint') say(pc.dim(`Checkpoint at step ${formatCount(event.step)} in ${formatSeconds(event.seconds)}`));
  };
  return { onEvent, end: endBar };
}

/** Of an error itself JSON would keep nothing. */
const errorsAsText = (_name: string, value: unknown) => (value instanceof Error ? messageOf(value) : value);
const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

const lossText = (loss: number, digits: number) => `loss ${loss.toFixed(digits)}`;
/** The loss of self-critical training is what its captions are worth, with a minus. */
const rewardText = (loss: number, digits: number) => `CIDEr of drawn captions ${(-loss).toFixed(digits)}`;

type Told<Name> = Extract<Parameters<OnTrainEvent>[0], { event: Name }>;

function validated({ validationLoss, validationCider, best }: Told<'epoch'>): string {
  if (validationLoss === null || validationCider === null) return '';
  return `  validation loss ${validationLoss.toFixed(4)}  CIDEr ${validationCider.toFixed(4)}${best === true ? ' (best)' : ''}`;
}

function notAllInMemory({ images, featureBytes, featureMemory, shuffleBytes }: Told<'start'>): string {
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toPrecision(3)} GB`;
  const kept = `Of ${gigabytes(featureBytes)} of features ${gigabytes(featureMemory)} are kept in memory (--feature-memory)`;
  if (shuffleBytes <= featureMemory) return `${kept}; the rest is read once an epoch`;
  const window = Math.floor((featureMemory / 2 / featureBytes) * images);
  return pc.yellow(`${kept}, which takes long: the rest is read again and again. --set shuffleWindow=${window} reads it once an epoch`);
}
