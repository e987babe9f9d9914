import { setTimeout as sleep } from 'node:timers/promises';
import type { EngineDescription } from '@showtell/encoder-worker/encoder/engines/engine';
import type { EngineProcesses } from '@showtell/encoder-worker/engine-process';
import type { Device } from '@showtell/shared/device';
import { pixelBytes } from '@showtell/shared/image/limits';

export interface WaitingEngineOptions {
  /** `cuda:0` makes the lane of a GPU, which has two jobs in hand; no GPU is needed. */
  readonly device: Device;
  /** For one image. */
  readonly secondsPerImage: number;
  readonly side: number;
  readonly dimension: number;
}

/** Whether encoders wait by now: they do not while they warm up. */
export interface Waiting {
  begun: boolean;
}

/** An encoder that takes its time and no processor: what is measured around it is everything but the encoding. */
export function waitingEngines({ device, secondsPerImage, side, dimension }: WaitingEngineOptions, waiting: Waiting): EngineProcesses {
  const description: EngineDescription = {
    engine: 'waits',
    provider: 'none',
    device,
    deviceName: 'none',
    precision: 'float32',
    threads: 1,
    versions: {},
  };
  return {
    probe: async () => description,
    start: async () => ({
      description,
      side,
      dimension,
      // As much as a GPU takes at once.
      ...(device === 'cpu' ? {} : { batch: 512 }),
      async encode(pixels, count) {
        if (pixels.length !== count * pixelBytes(side)) throw new RangeError(`Expected the pixels of ${count} images`);
        if (waiting.begun && secondsPerImage > 0) await sleep(secondsPerImage * count * 1_000);
        return new Float32Array(count * dimension).fill(0.5);
      },
      async close() {},
    }),
  };
}
