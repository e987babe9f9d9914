import { moveAlias } from '@showtell/trainer/checkpoint/aliases';
import { Lease } from '@showtell/trainer/checkpoint/lease';
import { type Process, stopClocks } from './explore';
import { exploreTrainers, saveTo, TRAINING, trainer } from './trainers';

// Time means nothing here: whoever waits has waited long enough at once.
jest.mock<typeof import('node:timers/promises')>('node:timers/promises', () => ({
  ...jest.requireActual('node:timers/promises'),
  setTimeout: async <T>(_ms?: number, value?: T) => value as T,
}));

describe('lease, checkpoint and alias, in every order of requests', () => {
  stopClocks();

  test('two trainers that take each other for dead', async () => {
    expect((await exploreTrainers({ a: trainer('a', 2), b: trainer('b', 1) }, {})).states).toBeGreaterThan(2_500);
  });

  test('one of them dies', async () => {
    expect((await exploreTrainers({ a: trainer('a', 1), b: trainer('b', 1) }, { crashes: 1 })).states).toBeGreaterThan(4_500);
  });

  test('a trainer that moves latest without looking who moved it last is found out', async () => {
    const careless: Process = async (store) => {
      const lease = await Lease.acquire(store, TRAINING, { holder: 'careless', leaseSeconds: 0 });
      const newest = await saveTo(store, 1, lease.epoch, 'careless');
      const alias = { alias: 'latest', checkpoint: newest, metric: null, split: null, by: 'careless', reason: '', keeps: () => false };
      await moveAlias(store, TRAINING, { ...alias, leaseEpoch: Number.MAX_SAFE_INTEGER });
    };
    await expect(exploreTrainers({ careless, b: trainer('b', 2) }, {})).rejects.toThrow('latest went back from step 2 to 1');
  });
});
