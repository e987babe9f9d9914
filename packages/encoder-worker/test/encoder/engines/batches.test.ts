import { Batches, type BatchOptions } from '../../../src/encoder/engines/batches';
import type { EngineNotice } from '../../../src/encoder/engines/engine';

class Full extends Error {}

/** A device with memory for `room` images of 2 bytes; a feature is 10 times the first of them, and one more. */
function batches({ room, ...options }: Partial<BatchOptions> & { readonly room: number }) {
  const asked: number[] = [];
  const notices: EngineNotice[] = [];
  const of = new Batches({
    compute: async (pixels, count) => {
      asked.push(count);
      expect(pixels).toHaveLength(2 * count);
      if (count > room) throw new Full();
      return Float32Array.from({ length: 2 * count }, (_, place) => pixels[place - (place % 2)]! * 10 + (place % 2));
    },
    size: 8,
    filled: false,
    imageBytes: 2,
    isOutOfMemory: (error) => error instanceof Full,
    onNotice: (notice) => notices.push(notice),
    ...options,
  });
  const encode = async (count: number) => {
    asked.length = 0;
    const features = await of.encode(
      Uint8Array.from({ length: 2 * count }, (_, place) => place >> 1),
      count,
    );
    expect([...features]).toEqual(Array.from({ length: count }, (_, image) => [image * 10, image * 10 + 1]).flat());
    return [...asked];
  };
  return { of, encode, notices };
}

test('images go in parts of the size', async () => {
  const { encode, notices } = batches({ room: 8 });
  expect(await encode(1)).toEqual([1]);
  expect(await encode(8)).toEqual([8]);
  expect(await encode(19)).toEqual([8, 8, 3]);
  expect(notices).toEqual([]);
});

test('parts are filled up to a power of two, never beyond the size', async () => {
  const { encode } = batches({ room: 12, size: 12, filled: true });
  expect(await encode(3)).toEqual([4]);
  expect(await encode(11)).toEqual([12]);
  expect(await encode(17)).toEqual([12, 8]);
});

test('where memory is short the batch is halved, which is said once, and stays so', async () => {
  const { of, encode, notices } = batches({ room: 3, size: 16 });
  expect(await encode(20)).toEqual([16, 8, 4, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2]);
  expect(of.size).toBe(2);
  expect(notices.map(({ batch }) => batch)).toEqual([8, 4, 2]);
  expect(notices[0]!.message).toBe('the device has no memory for 16 images at once: from now on 8');
  expect(await encode(5)).toEqual([2, 2, 1]);
  expect(notices).toHaveLength(3);
});

test('a few images that do not fit make the batch smaller than they are', async () => {
  const { of, encode } = batches({ room: 4, size: 64, filled: true });
  expect(await encode(5)).toEqual([8, 4, 1]);
  expect(of.size).toBe(4);
});

test('one image that does not fit, and any other failure, is thrown', async () => {
  await expect(batches({ room: 0, size: 4 }).encode(4)).rejects.toMatchObject({
    code: 'DEVICE_UNAVAILABLE',
    cause: expect.any(Full) as Full,
  });
  const broken = batches({ room: 8, compute: async () => Promise.reject(new Error('illegal access')) });
  await expect(broken.encode(4)).rejects.toThrow('illegal access');
  expect(broken.of.size).toBe(8);
});
