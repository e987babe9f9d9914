import { measureBatch } from '../../../src/encoder/engines/measure-batch';

class Full extends Error {}

/** A device that takes `fixed` ms for a batch and `each` ms for each image, twice as long the first time, and has `room`. */
function device(fixed: number, each: number, room = 1_000) {
  let clock = 0;
  const seen = new Map<number, number>();
  const run = async (images: number) => {
    if (images > room) throw new Full();
    const times = seen.get(images) ?? 0;
    seen.set(images, times + 1);
    clock += (fixed + each * images) * (times === 0 ? 2 : 1);
  };
  return { run, seen, now: () => clock, isOutOfMemory: (error: unknown) => error instanceof Full, sizes: [8, 16, 32, 64, 128, 256] };
}

test('where a batch costs nothing of its own, the smallest is enough', async () => {
  expect(await measureBatch(device(0, 2))).toMatchObject({
    batch: 8,
    rates: new Map([8, 16, 32, 64, 128, 256].map((size) => [size, 500])),
  });
});

test('the smallest within a twentieth of the fastest is taken', async () => {
  const { batch, rates } = await measureBatch(device(8, 1));
  expect(Math.round(rates.get(256)!)).toBe(970);
  expect(batch).toBe(128);
});

test('it ends where the memory does', async () => {
  const { batch, rates } = await measureBatch(device(1_000, 1, 70));
  expect([...rates.keys()]).toEqual([8, 16, 32, 64]);
  expect(batch).toBe(64);
});

test('the first run of a size, in which kernels are chosen, is not measured', async () => {
  const slow = device(0, 2);
  await measureBatch(slow);
  expect([...slow.seen.values()]).toEqual(Array.from({ length: 6 }, () => 4));
});

test('a device without memory for the smallest, or that fails otherwise, is an error', async () => {
  await expect(measureBatch(device(1, 1, 4))).rejects.toBeInstanceOf(Full);
  await expect(measureBatch({ ...device(1, 1, 20), isOutOfMemory: () => false })).rejects.toBeInstanceOf(Full);
});
