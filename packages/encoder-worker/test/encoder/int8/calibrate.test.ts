import { sha256 } from '@showtell/shared/hash';
import { PIXEL_BYTES } from '@showtell/shared/image/limits';
import { calibrate } from '../../../src/encoder/int8/calibrate';
import { encodeInt8Weights } from '../../../src/encoder/int8/int8-weights';
import { inTurn, narrowInt8Weights, split } from '../../narrow-int8-weights';
import { narrowEncoderWeights, narrowWeights } from '../../narrow-weights';
import { pictures } from '../engines/contract';

const weights = narrowEncoderWeights(5);
const options = { source: narrowWeights(5).sha256, threads: 1 };

describe('calibrate', () => {
  test('names the weights it was made of, and is as wide', async () => {
    const { int8 } = await narrowInt8Weights(5, pictures(2));
    expect(int8).toMatchObject({ source: narrowWeights(5).sha256, dimension: weights.dimension });
    expect(int8.convolutions.map(({ shape }) => shape)).toEqual(weights.convolutions.map(({ shape }) => shape));
  });

  test('the same photos give the same bytes, in any order, in other batches and on more threads', async () => {
    const photos = split(pictures(9));
    const identities: string[] = [];
    for (const [order, threads] of [
      [photos, 1],
      [[...photos].reverse(), 1],
      [[...photos.slice(5), ...photos.slice(0, 5)], 2],
    ] as const)
      identities.push(sha256(encodeInt8Weights(await calibrate(weights, inTurn(order), { ...options, threads }))));
    expect(new Set(identities).size).toBe(1);
    const fewer = encodeInt8Weights(await calibrate(weights, inTurn(photos.slice(0, 4)), options));
    expect(sha256(fewer)).not.toBe(identities[0]);
  });

  test('needs photos, of the right size, and stops when told to', async () => {
    await expect(calibrate(weights, inTurn([]), options)).rejects.toMatchObject({
      code: 'EMPTY_DATASET',
      message: 'Expected at least one photo to calibrate the int8 encoder but received none',
    });
    await expect(calibrate(weights, inTurn([Buffer.alloc(7)]), options)).rejects.toThrow(
      `Expected ${PIXEL_BYTES} bytes for a photo of 299×299×3 but received 7`,
    );
    const stopped = AbortSignal.abort(new Error('stopped'));
    await expect(calibrate(weights, inTurn(split(pictures(1))), { ...options, signal: stopped })).rejects.toThrow('stopped');
  });

  test('weights whose numbers grow beyond all bounds are named', async () => {
    const convolutions = weights.convolutions.map((one) => ({ ...one, beta: one.beta.map(() => 3e38) }));
    await expect(calibrate({ ...weights, convolutions }, inTurn(split(pictures(1))), options)).rejects.toMatchObject({
      code: 'WEIGHTS_INVALID',
      message: expect.stringMatching(/cannot be calibrated: The output of layer \S+ is not finite/) as string,
    });
  });
});
