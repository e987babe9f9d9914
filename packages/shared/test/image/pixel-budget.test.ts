import { setImmediate as turn } from 'node:timers/promises';
import * as fc from 'fast-check';
import { PixelBudget } from '../../src/image/pixel-budget';

test('what runs at once is within the limit or alone, begins in order, and all of it ends', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ pixels: fc.nat(15), turns: fc.nat(3), fails: fc.boolean() }), { maxLength: 20 }),
      async (works) => {
        const budget = new PixelBudget(10);
        const begun: number[] = [];
        let running = 0;
        const results = await Promise.allSettled(
          works.map(({ pixels, turns, fails }, index) =>
            budget.run(pixels, async () => {
              begun.push(index);
              running += Math.min(pixels, 10);
              expect(running).toBeLessThanOrEqual(10);
              for (let count = 0; count < turns; count++) await turn();
              running -= Math.min(pixels, 10);
              if (fails) throw new Error(`work ${index}`);
              return index;
            }),
          ),
        );
        expect(begun).toEqual(works.map((_, index) => index));
        results.forEach((result, index) =>
          expect(result).toEqual(
            works[index]!.fails ? { status: 'rejected', reason: new Error(`work ${index}`) } : { status: 'fulfilled', value: index },
          ),
        );
      },
    ),
    { numRuns: 100 },
  );
});

test('small ones run at once', async () => {
  const budget = new PixelBudget(10);
  let running = 0;
  let most = 0;
  const work = async () => {
    most = Math.max(most, ++running);
    await turn();
    running--;
  };
  await Promise.all(Array.from({ length: 9 }, () => budget.run(2, work)));
  expect(most).toBe(5);
});
