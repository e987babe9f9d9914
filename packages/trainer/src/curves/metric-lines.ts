import { ShowtellError } from '@showtell/shared/errors';
import { Count } from '@showtell/shared/schema/record';
import { z } from 'zod';
import type { TrainEvent } from '../train/events';

/** A trainer began here, at the first step or where a checkpoint was: what others wrote of later steps does not count. */
export interface StartLine {
  readonly event: 'start';
  readonly step: number;
  /** Seconds since 1970 by the trainer's clock; it orders nothing. */
  readonly time: number;
}

/** Figures of a step, or of an epoch that is over: whatever such an event tells in numbers, `loss` and others. */
export interface FigureLine {
  readonly event: 'step' | 'epoch';
  readonly step: number;
  readonly epoch: number;
  readonly time: number;
  /** `null` for what was not measured, or is not finite. */
  readonly [figure: string]: number | string | null;
}

/** One line of a training's metrics. */
export type MetricLine = StartLine | FigureLine;

const MetricLine: z.ZodType<MetricLine> = z.union([
  z.object({ event: z.literal('start'), step: Count, time: z.number() }),
  z
    .object({ event: z.enum(['step', 'epoch']), step: Count, epoch: Count, time: z.number(), loss: z.number().nullable() })
    .catchall(z.number().nullable()),
]);

/** The same in every event of a training, or told by comparing epochs. */
const NO_FIGURES = new Set(['steps', 'epochs', 'best']);

/** The line that an event is kept as; most kinds of events have none. */
export function metricLineOf(event: TrainEvent, time: number): MetricLine | undefined {
  if (event.event === 'start') return { event: 'start', step: event.step, time };
  if (event.event !== 'step' && event.event !== 'epoch') return undefined;
  const numbers = Object.entries(event).filter(([name, value]) => !NO_FIGURES.has(name) && (typeof value === 'number' || value === null));
  return { ...Object.fromEntries(numbers), event: event.event, step: event.step, epoch: event.epoch, time };
}

export function encodeMetricLines(lines: readonly object[]): Buffer {
  return Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
}

/** Characters of a line that an error shows. */
const SHOWN = 80;

/** @param where names the object in errors (`CORRUPT_OBJECT`). */
export function decodeMetricLines(body: Uint8Array, where: string): MetricLine[] {
  const lines = Buffer.from(body).toString('utf8').split('\n');
  return lines.flatMap((text, index) => {
    if (text === '') return [];
    const parsed = MetricLine.safeParse(parseJson(text));
    if (parsed.success) return [parsed.data];
    const received = text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
    throw new ShowtellError('CORRUPT_OBJECT', `Expected figures of a training in line ${index + 1} of ${where} but received ${received}`, {
      retryable: false,
      hint: 'Bring it back from a copy of the store, or delete it: the curves then lack what it told.',
    });
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * Every step and every epoch once, in order. Trainers that were killed or fenced may have told of steps that others took again:
 * what counts is what the later one says, from the step on at which it began.
 * @param lines of all trainers, in the order of their lease epochs.
 */
export function foldMetrics(lines: Iterable<MetricLine>): FigureLine[] {
  const steps = new Map<number, FigureLine>();
  const epochs = new Map<number, FigureLine>();
  for (const line of lines) {
    if (line.event === 'step') steps.set(line.step, line);
    else if (line.event === 'epoch') epochs.set(line.epoch, line);
    else for (const kept of [steps, epochs]) for (const [number, { step }] of kept) if (step > line.step) kept.delete(number);
  }
  // An epoch's line stands behind that of its last step.
  return [...steps.values(), ...epochs.values()].sort(
    (a, b) => a.step - b.step || Number(a.event === 'epoch') - Number(b.event === 'epoch'),
  );
}
