import { Random } from '../../src/model/random';

test('the published first numbers of xoshiro128** for the state 1, 2, 3, 4', () => {
  const random = new Random([1, 2, 3, 4]);
  expect(Array.from({ length: 5 }, () => random.next())).toEqual([11520, 0, 5927040, 70819200, 2031721883]);
});

test('a kept state goes on with the same numbers, also through JSON', () => {
  const random = new Random(7);
  random.normal();
  const kept = JSON.parse(JSON.stringify(random.state())) as ReturnType<Random['state']>;
  const expected = Array.from({ length: 20 }, () => random.uniform());
  const resumed = new Random(kept);
  expect(Array.from({ length: 20 }, () => resumed.uniform())).toEqual(expected);
});

test('neighbouring, large and negative seeds give different numbers', () => {
  const first = [0, 1, 2, -1, 2 ** 32, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER].map((seed) => new Random(seed).next());
  expect(new Set(first).size).toBe(first.length);
});

test('numbers have the distribution they claim', () => {
  const random = new Random(3);
  const count = 20_000;
  const mean = (draw: () => number) => Array.from({ length: count }, draw).reduce((sum, value) => sum + value, 0) / count;
  expect(mean(() => random.uniform())).toBeCloseTo(0.5, 1);
  expect(mean(() => random.normal())).toBeCloseTo(0, 1);
  expect(mean(() => random.normal() ** 2)).toBeCloseTo(1, 1);
  const seen = [0, 0, 0];
  for (let draw = 0; draw < 3_000; draw++) seen[random.below(3)]!++;
  for (const times of seen) expect(Math.abs(times - 1_000)).toBeLessThan(150);
});

test('shuffling keeps every item and depends on the state alone', () => {
  const items = () => Int32Array.from({ length: 50 }, (_, index) => index);
  const shuffled = new Random(5).shuffle(items());
  expect([...shuffled].sort((a, b) => a - b)).toEqual([...items()]);
  expect([...shuffled]).not.toEqual([...items()]);
  expect([...new Random(5).shuffle(items())]).toEqual([...shuffled]);
});

test('what is no seed, state or limit is refused', () => {
  expect(() => new Random(0.5)).toThrow('Expected a safe integer for seed but received 0.5');
  expect(() => new Random([0, 0, 0, 0])).toThrow("Expected four 32-bit words, not all zero, for a generator's state");
  expect(() => new Random([1, 2, 3, 2 ** 32])).toThrow('Expected four 32-bit words');
  expect(() => new Random(1).below(0)).toThrow('Expected an integer from 1 to 2^32 for limit but received 0');
});

test('many words at once are those of next()', () => {
  const one = new Random(9);
  const many = new Random(9);
  expect([...many.words(1000)]).toEqual(Array.from({ length: 1000 }, () => one.next()));
  expect(many.next()).toBe(one.next());
});

test('a text names a generator of its own', () => {
  expect(Random.of('dropout 7 1').next()).toBe(Random.of('dropout 7 1').next());
  expect(Random.of('dropout 7 1').next()).not.toBe(Random.of('dropout 7 2').next());
});
