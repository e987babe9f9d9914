import { Ahead } from '../src/ahead';

function ahead(count: number, fail = -1) {
  const begun: number[] = [];
  const of = new Ahead(count, async (index) => {
    begun.push(index);
    if (index === fail) throw new Error(`no ${index}`);
    return index * 10;
  });
  return { of, begun };
}

test('results come in order, the next begun before they are asked for', async () => {
  const { of, begun } = ahead(5);
  of.begin(1);
  expect(begun).toEqual([0]);
  expect(await of.take(2)).toEqual([0, 10]);
  expect(begun).toEqual([0, 1, 2, 3]);
  expect(await of.take(1)).toEqual([20]);
  expect(await of.take(4)).toEqual([30, 40]);
  expect(await of.take(1)).toEqual([]);
  expect(begun).toEqual([0, 1, 2, 3, 4]);
});

test('a failure comes with the result that it is of, and is nobody’s until then', async () => {
  const { of } = ahead(3, 1);
  expect(await of.take(1)).toEqual([0]);
  await new Promise((resolve) => setImmediate(resolve));
  await expect(of.take(1)).rejects.toThrow('no 1');
  await of.settled();
});
