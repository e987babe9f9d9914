import { ShowtellError } from '@showtell/shared/errors';
import type { OnNotice } from './engine';

/** Computes `count` images [count × bytes of an image] → features [count × dimension]. */
export type Compute = (pixels: Uint8Array, count: number) => Promise<Float32Array>;

export interface BatchOptions {
  readonly compute: Compute;
  /** Most images computed together; fewer from the first time on that the device has no memory for so many. */
  readonly size: number;
  /**
   * Whether a smaller batch is filled up to a power of two. On CUDA the ways to compute every convolution are tried anew for each
   * number of images, which takes seconds.
   */
  readonly filled: boolean;
  readonly imageBytes: number;
  readonly isOutOfMemory: (error: unknown) => boolean;
  readonly onNotice: OnNotice;
}

/** Takes images in parts that the device has memory for. Calls must not overlap. */
export class Batches {
  readonly #options: BatchOptions;
  #size: number;

  constructor(options: BatchOptions) {
    this.#options = options;
    this.#size = options.size;
  }

  get size(): number {
    return this.#size;
  }

  /** @throws ShowtellError `DEVICE_UNAVAILABLE` when there is no memory for one image alone; otherwise what `compute` throws. */
  async encode(pixels: Uint8Array, count: number): Promise<Float32Array> {
    const { imageBytes } = this.#options;
    const parts: Float32Array[] = [];
    for (let start = 0; start < count; ) {
      const images = Math.min(this.#size, count - start);
      const part = await this.#computeUnlessFull(pixels.subarray(start * imageBytes, (start + images) * imageBytes), images);
      if (part === undefined) continue;
      parts.push(part);
      start += images;
    }
    return parts.length === 1 ? parts[0]! : concatenate(parts);
  }

  /** `undefined` when the device had no memory for so many; from then on half as many are tried. */
  async #computeUnlessFull(pixels: Uint8Array, images: number): Promise<Float32Array | undefined> {
    const { compute, filled, imageBytes, isOutOfMemory, onNotice } = this.#options;
    const together = filled ? Math.min(this.#size, powerOfTwo(images)) : images;
    try {
      if (together === images) return await compute(pixels, images);
      const whole = new Uint8Array(together * imageBytes);
      whole.set(pixels);
      const features = await compute(whole, together);
      return features.slice(0, (features.length / together) * images);
    } catch (error) {
      if (!isOutOfMemory(error)) throw error;
      if (together === 1)
        throw new ShowtellError('DEVICE_UNAVAILABLE', 'The device has no memory for a single image', {
          cause: error,
          hint: 'nvidia-smi says who holds it.',
        });
      this.#size = Math.ceil(together / 2);
      const message = `the device has no memory for ${together} images at once: from now on ${this.#size}`;
      onNotice({ level: 'warn', message, batch: this.#size });
      return undefined;
    }
  }
}

const powerOfTwo = (images: number) => 2 ** Math.ceil(Math.log2(images));

function concatenate(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
