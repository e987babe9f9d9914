import type { Hyperparameters } from '@showtell/shared/schema/checkpoint';

export type ScheduleSettings = Pick<
  Hyperparameters,
  'learningRate' | 'schedule' | 'warmupSteps' | 'finalLearningRate' | 'decayEvery' | 'decayFactor'
>;

/**
 * The learning rate of a step: after a linear warm-up from nothing to `learningRate` it stays (`constant`), goes to
 * `finalLearningRate` on a line or on half a cosine wave, or is multiplied by `decayFactor` every `decayEvery` steps (`step`).
 * It depends on nothing but its arguments, so a training that resumes needs to know only its step.
 * @param step number of the step, from 1 to `totalSteps`
 */
export function learningRateAt(settings: ScheduleSettings, step: number, totalSteps: number): number {
  const { learningRate, schedule, warmupSteps, finalLearningRate, decayEvery, decayFactor } = settings;
  if (step <= warmupSteps) return (learningRate * step) / warmupSteps;
  if (schedule === 'constant') return learningRate;
  // The first step after the warm-up has the full rate, the last one the final rate.
  const done = step - warmupSteps - 1;
  if (schedule === 'step') return learningRate * decayFactor ** Math.floor(done / decayEvery);
  const progress = Math.min(1, done / Math.max(1, totalSteps - warmupSteps - 1));
  const left = schedule === 'linear' ? 1 - progress : (1 + Math.cos(Math.PI * progress)) / 2;
  return finalLearningRate + (learningRate - finalLearningRate) * left;
}
