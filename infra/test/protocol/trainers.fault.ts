import { stopClocks } from './explore';
import { exploreTrainers, trainer } from './trainers';

// Time means nothing here: whoever waits has waited long enough at once.
jest.mock<typeof import('node:timers/promises')>('node:timers/promises', () => ({
  ...jest.requireActual('node:timers/promises'),
  setTimeout: async <T>(_ms?: number, value?: T) => value as T,
}));

describe('fault 80 lease, checkpoint and alias, in every order of requests', () => {
  stopClocks();

  test('both die', async () => {
    const explored = await exploreTrainers({ a: trainer('a', 1), b: trainer('b', 1) }, { crashes: 2 });
    expect(explored.states).toBeGreaterThan(8_000);
  }, 300_000);

  test('an answer is lost, and one dies', async () => {
    const explored = await exploreTrainers({ a: trainer('a', 1), b: trainer('b', 1) }, { crashes: 1, lostAnswers: 1 });
    expect(explored.states).toBeGreaterThan(40_000);
  }, 300_000);
});
