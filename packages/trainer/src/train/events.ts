import type { Hyperparameters } from '@showtell/shared/schema/checkpoint';
import type { Logger } from 'pino';

/**
 * What a training tells while it runs; as JSON lines they are its metrics. Losses are natural logarithms, per real token; in self-critical
 * training `loss` is the negative mean CIDEr-D of the captions drawn.
 */
export type TrainEvent =
  | {
      readonly event: 'start';
      readonly training: string;
      readonly objective: Hyperparameters['objective'];
      readonly leaseEpoch: number;
      readonly samples: number;
      readonly validationSamples: number;
      readonly vocabulary: number;
      readonly dropped: { readonly tooLong: number; readonly withoutWords: number; readonly withoutFeature: number };
      readonly epochs: number;
      readonly stepsPerEpoch: number;
      /** Images that it reads, and the bytes of their features… */
      readonly images: number;
      readonly featureBytes: number;
      /** …of which memory may hold so many… */
      readonly featureMemory: number;
      /** …and must hold so many for each to be read no more than once an epoch: all, or two windows of the shuffle. */
      readonly shuffleBytes: number;
      /** Where it goes on from; 0 at the beginning. */
      readonly step: number;
    }
  | {
      readonly event: 'step';
      /** Steps since the beginning of the training. */
      readonly step: number;
      readonly steps: number;
      /** The epoch going on, counted from 1. */
      readonly epoch: number;
      readonly loss: number;
      readonly gradientNorm: number;
      readonly learningRate: number;
      readonly tokensPerSecond: number;
    }
  | {
      readonly event: 'epoch';
      /** The epoch that is over, counted from 1. */
      readonly epoch: number;
      readonly epochs: number;
      readonly step: number;
      readonly loss: number;
      readonly validationLoss: number | null;
      /** CIDEr-D of greedy captions of the validation splits; 1 is what papers call 100. */
      readonly validationCider: number | null;
      /** Of the epoch's last step. */
      readonly learningRate: number;
      /** What this process took for the epoch, or for the rest of it that it did, validation included. */
      readonly seconds: number;
      /** Whether it is the best so far, by the training's `validationMetric`; `null` without validation. */
      readonly best: boolean | null;
    }
  | { readonly event: 'checkpoint'; readonly step: number; readonly folder: string; readonly seconds: number }
  /** A trainer that did not release its lease: killed, or still at work. */
  | { readonly event: 'waiting'; readonly training: string; readonly holder: string; readonly seconds: number }
  | { readonly event: 'trouble'; readonly what: string; readonly error: unknown }
  | {
      readonly event: 'end';
      readonly outcome: 'completed' | 'stopped' | 'diverged';
      readonly step: number;
      readonly epoch: number;
      /** Why it is over: all epochs, patience, or what diverged. Absent when it was stopped. */
      readonly reason?: string;
    };

export type OnTrainEvent = (event: TrainEvent) => void;

const STEP_LINES_MS = 5_000;

/** For readers; whoever reckons with the figures has them from the events. */
const rounded = (value: unknown) => (typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(5)) : value);

/** Events as log lines: of steps one every five seconds, of the rest all. */
export function logEvents(logger: Logger): OnTrainEvent {
  let lastStep = Number.NEGATIVE_INFINITY;
  return (event) => {
    if (event.event === 'trouble') {
      logger.warn({ err: event.error }, event.what);
      return;
    }
    const { event: name, ...exact } = event;
    const fields = Object.fromEntries(Object.entries(exact).map(([field, value]) => [field, rounded(value)]));
    if (name !== 'step') return logger.info(fields, name);
    if (performance.now() - lastStep < STEP_LINES_MS) return logger.debug(fields, name);
    lastStep = performance.now();
    logger.info(fields, name);
  };
}
