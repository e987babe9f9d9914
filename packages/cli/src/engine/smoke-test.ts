import { openPhotoEncoder } from '@showtell/captioner/photo-encoder';
import type { EngineDescription } from '@showtell/encoder-worker/encoder/engines/engine';
import { ShowtellError } from '@showtell/shared/errors';
import { looksLikeGpu } from '@showtell/shared/gpus';
import type { Flavour } from '@showtell/shared/tensorflow/bindings';
import { GREY_PICTURE } from '../grey-picture';

/** Of the greatest number in a feature: float32 computed in another order is within a thousandth of that. */
const TOLERANCE = 1e-3;
const PICTURES = 8;

export interface SmokeTest {
  readonly description: EngineDescription;
  /** Greatest difference from the engine onnx, as a share of the greatest number. */
  readonly difference: number;
  readonly imagesPerSecond: number;
}

/**
 * Whether the TensorFlow in that folder computes the features that the engine onnx does, on a GPU where it is meant for one and there is one.
 * @throws ShowtellError `DEVICE_UNAVAILABLE` when it does not.
 */
export async function smokeTest(folder: string, flavour: Flavour, signal: AbortSignal): Promise<SmokeTest> {
  const device = flavour === 'gpu' && (await looksLikeGpu()) ? 'cuda:0' : 'cpu';
  const ours = await encodeGrey({ engine: 'tensorflow', device, tensorflow: folder }, signal);
  const expected = await encodeGrey({ engine: 'onnx', device: 'cpu' }, signal);
  const greatest = Math.max(...expected.feature);
  const difference = Math.max(...expected.feature.map((value, index) => Math.abs(value - ours.feature[index]!))) / greatest;
  // Written so that a feature that is no number fails.
  if (!(difference <= TOLERANCE))
    throw new ShowtellError(
      'DEVICE_UNAVAILABLE',
      `Expected features within ${TOLERANCE} of the engine onnx from TensorFlow on ${device} but they differ by ${difference}`,
    );
  return { description: ours.description, difference, imagesPerSecond: ours.imagesPerSecond };
}

interface Encoded extends Omit<SmokeTest, 'difference'> {
  readonly feature: Float32Array;
}

async function encodeGrey(
  options: { readonly engine: 'onnx' | 'tensorflow'; readonly device: string; readonly tensorflow?: string },
  signal: AbortSignal,
): Promise<Encoded> {
  const encoder = await openPhotoEncoder({ weights: 'bundled', ...options, signal });
  try {
    const encodeOnce = async () => {
      const features: Float32Array[] = [];
      for await (const { feature, error } of encoder.encode(Array.from({ length: PICTURES }, () => GREY_PICTURE))) {
        if (error) throw error;
        features.push(feature);
      }
      return features;
    };
    // The first time memory is taken, and a GPU chooses how to compute.
    const [feature] = await encodeOnce();
    const begun = performance.now();
    await encodeOnce();
    const imagesPerSecond = (PICTURES * 1_000) / (performance.now() - begun);
    return { feature: feature!, description: encoder.description, imagesPerSecond };
  } finally {
    await encoder.close();
  }
}
