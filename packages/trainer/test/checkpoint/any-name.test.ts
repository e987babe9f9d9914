import { isShowtellError } from '@showtell/shared/errors';
import { isName } from '@showtell/shared/names';
import fc from 'fast-check';
import { parseModelName } from '../../src/checkpoint/model-name';

test('whatever is named as a model, it is a training with an alias or a step, or is refused', () => {
  const part = fc.oneof(
    fc.constantFrom('f8', 'best', '12', '../x', 'F8', '', '@', ':', '__proto__', 'a'.repeat(64)),
    fc.string({ maxLength: 6 }),
  );
  const text = fc.oneof(
    fc.string(),
    fc.tuple(part, fc.constantFrom('', '@', ':', '@@', '/'), part).map((parts) => parts.join('')),
  );
  let taken = 0;
  fc.assert(
    fc.property(text, (given) => {
      try {
        const { training, alias, step } = parseModelName(given);
        taken += 1;
        expect(isName(training)).toBe(true);
        expect(alias === undefined || isName(alias)).toBe(true);
        expect(step === undefined || Number.isSafeInteger(step)).toBe(true);
      } catch (error) {
        if (!isShowtellError(error, 'USAGE')) throw error;
        expect(error.message).toContain(JSON.stringify(given));
      }
    }),
    { numRuns: 1_000 },
  );
  expect(taken).toBeGreaterThan(0);
});
