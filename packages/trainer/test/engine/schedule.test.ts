import fc from 'fast-check';
import { learningRateAt, type ScheduleSettings } from '../../src/engine/schedule';

const settings: ScheduleSettings = {
  learningRate: 0.08,
  schedule: 'constant',
  warmupSteps: 0,
  finalLearningRate: 0,
  decayEvery: 3,
  decayFactor: 0.5,
};
const rates = (changes: Partial<ScheduleSettings>, totalSteps: number) =>
  Array.from({ length: totalSteps }, (_, index) => learningRateAt({ ...settings, ...changes }, index + 1, totalSteps));
const close = (values: readonly number[]) => values.map((value) => expect.closeTo(value, 12));

test('constant, from the first step', () => {
  expect(rates({}, 3)).toEqual([0.08, 0.08, 0.08]);
});

test('the warm-up is a line from nothing to the full rate', () => {
  expect(rates({ warmupSteps: 4 }, 6)).toEqual(close([0.02, 0.04, 0.06, 0.08, 0.08, 0.08]));
});

test('linear: full at the first step after the warm-up, final at the last', () => {
  expect(rates({ schedule: 'linear' }, 5)).toEqual(close([0.08, 0.06, 0.04, 0.02, 0]));
  expect(rates({ schedule: 'linear', warmupSteps: 2, finalLearningRate: 0.02 }, 6)).toEqual(close([0.04, 0.08, 0.08, 0.06, 0.04, 0.02]));
});

test('cosine: half a wave', () => {
  expect(rates({ schedule: 'cosine' }, 5)).toEqual(close([0.08, 0.04 * (1 + Math.SQRT1_2), 0.04, 0.04 * (1 - Math.SQRT1_2), 0]));
});

test('step: multiplied again and again', () => {
  expect(rates({ schedule: 'step', warmupSteps: 1 }, 8)).toEqual(close([0.08, 0.08, 0.08, 0.08, 0.04, 0.04, 0.04, 0.02]));
});

test('any schedule of any length is finite and never above the full rate', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('constant', 'linear', 'cosine', 'step' as const),
      fc.nat(50),
      fc.integer({ min: 1, max: 60 }),
      (schedule, warmupSteps, totalSteps) => {
        for (const rate of rates({ schedule, warmupSteps }, totalSteps)) {
          expect(rate).toBeGreaterThanOrEqual(0);
          expect(rate).toBeLessThanOrEqual(0.08 * (1 + 1e-12));
        }
      },
    ),
  );
});
