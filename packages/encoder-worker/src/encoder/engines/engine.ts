import { availableParallelism } from 'node:os';
import { ShowtellError } from '@showtell/shared/errors';
import { pixelBytes } from '@showtell/shared/image/limits';
import type { Precision } from '@showtell/shared/schema/encoder-identity';

/** Who computed a feature; nothing of it belongs to the feature's identity. */
export interface EngineDescription {
  readonly engine: string;
  /** The device in use, not the one that was asked for. */
  readonly device: string;
  readonly threads: number;
  /** Library → version. */
  readonly versions: Readonly<Record<string, string>>;
}

/** An encoder ready to run. Every engine gives the same features; one contract suite fits them all. */
export interface EncoderEngine {
  readonly description: EngineDescription;
  /** Of the pixels it takes: 299 for InceptionV3. */
  readonly side: number;
  /** Length of a feature. */
  readonly dimension: number;
  /**
   * @param pixels uint8 RGB [count × side × side × 3], rows first; left as it is.
   * @param count at least 1.
   * @returns float32 [count × dimension]. A feature does not depend on what else is in the batch.
   * @throws RangeError when `pixels` has another length.
   */
  encode(pixels: Uint8Array, count: number): Promise<Float32Array>;
  /** Waits for what was begun. Calling it again changes nothing. */
  close(): Promise<void>;
}

export const ENGINES = ['onnx'] as const;
export type EngineName = (typeof ENGINES)[number];

export interface EngineOptions {
  /** Path of an encoder file, of any kind that `decodeEncoderFile` knows. */
  readonly weights: string;
  readonly precision: Precision;
  readonly engine: EngineName;
  /** `auto`, `cpu` or `cuda`. Only `auto` may fall back. */
  readonly device: string;
  readonly threads: number;
}

/** What each engine can do; known without loading it, so that nothing is planned or waited for that none can. */
const ABILITIES: Readonly<Record<EngineName, { readonly precisions: readonly Precision[]; readonly devices: readonly string[] }>> = {
  onnx: { precisions: ['float32'], devices: ['cpu', 'auto'] },
};

/** Precisions that some engine computes. */
export const PRECISIONS: readonly Precision[] = [...new Set(Object.values(ABILITIES).flatMap(({ precisions }) => precisions))];

/** The device that an engine of these options takes: what `auto` becomes. @throws ShowtellError `CONFIG_INVALID` (precision), `DEVICE_UNAVAILABLE`. */
export function deviceInUse({ engine, precision, device }: Pick<EngineOptions, 'engine' | 'precision' | 'device'>): string {
  const { precisions, devices } = ABILITIES[engine];
  if (!precisions.includes(precision))
    throw new ShowtellError(
      'CONFIG_INVALID',
      `Expected precision ${precisions.join(' or ')} for the engine ${engine} but received ${precision}`,
      { hint: 'No engine computes the others yet.' },
    );
  if (!devices.includes(device))
    throw new ShowtellError(
      'DEVICE_UNAVAILABLE',
      `Expected device ${devices.join(' or ')} for the engine ${engine} but received ${device}`,
      { hint: 'GPUs are not supported yet; --device auto takes the CPU.' },
    );
  return device === 'auto' ? 'cpu' : device;
}

/** Throws `CONFIG_INVALID` for a precision that no engine computes: a run of it would wait for ever. */
export function checkPrecision(precision: Precision): void {
  if (PRECISIONS.includes(precision)) return;
  throw new ShowtellError(
    'CONFIG_INVALID',
    `Expected a precision that an engine computes (${PRECISIONS.join(', ')}) but received ${precision}`,
  );
}

/** Threads for one of `processes` engines that share this machine. */
export function defaultThreads(processes = 1): number {
  return Math.max(1, Math.floor(availableParallelism() / processes));
}

/** @throws RangeError unless `pixels` holds exactly `count` images of that side, at least one. */
export function checkPixels(pixels: Uint8Array, count: number, side: number): void {
  if (!Number.isInteger(count) || count < 1) throw new RangeError(`Expected a positive integer for count but received ${count}`);
  const bytes = count * pixelBytes(side);
  if (pixels.length !== bytes)
    throw new RangeError(`Expected ${bytes} bytes for ${count} images of ${side}×${side}×3 but received ${pixels.length}`);
}
