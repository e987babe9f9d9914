import { setImmediate as turn } from 'node:timers/promises';
import { concurrently } from '../src/concurrently';

test('works on every item once, in order of beginning, never on more at a time than allowed', async () => {
  const begun: string[] = [];
  let [running, most] = [0, 0];
  const letters = 'abcdefghij'.split('');
  await concurrently(letters, 3, async (letter, index) => {
    begun.push(`${index}${letter}`);
    most = Math.max(most, ++running);
    for (let turns = 0; turns < (index % 3) + 1; turns++) await turn();
    running -= 1;
  });
  expect(begun).toEqual(letters.map((letter, index) => `${index}${letter}`));
  expect([running, most]).toEqual([0, 3]);
  await concurrently([], 3, () => Promise.reject(new Error('never called')));
});

test('after a failure nothing is begun, and the first one is thrown once all have ended', async () => {
  const ended: number[] = [];
  const work = async (item: number) => {
    for (let turns = 0; turns < item; turns++) await turn();
    ended.push(item);
    if (item <= 2) throw new Error(`failed ${item}`);
  };
  await expect(concurrently([9, 1, 2, 3, 4], 3, work)).rejects.toThrow('failed 1');
  expect(ended).toEqual([1, 2, 9]);
});
