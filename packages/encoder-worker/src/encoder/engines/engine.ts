import { availableParallelism } from 'node:os';
import { type Device, isCuda, parseDevice } from '@showtell/shared/device';
import type { EngineDescription } from '@showtell/shared/engine-description';
import { ShowtellError } from '@showtell/shared/errors';
import { pixelBytes } from '@showtell/shared/image/limits';
import type { Precision } from '@showtell/shared/schema/encoder-identity';

export type { EngineDescription } from '@showtell/shared/engine-description';

/** An encoder ready to run. Every engine gives the same features; one contract suite fits them all. */
export interface EncoderEngine {
  readonly description: EngineDescription;
  /** Of the pixels it takes: 299 for InceptionV3. */
  readonly side: number;
  /** Length of a feature. */
  readonly dimension: number;
  /** Images that it computes together now; more at once are no faster. Absent: it does not matter. */
  readonly batch?: number | undefined;
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

export const ENGINES = ['onnx', 'tensorflow'] as const;
export type EngineName = (typeof ENGINES)[number];

export interface EngineOptions {
  /** Path of an encoder file, of any kind that `decodeEncoderFile` knows. */
  readonly weights: string;
  readonly precision: Precision;
  readonly engine: EngineName;
  /** As `parseDevice` reads it. Only `auto` may fall back. */
  readonly device: string;
  readonly threads: number;
  /** Where `showtell engine install` keeps TensorFlow. Default: `tensorflowFolder()`. */
  readonly tensorflow?: string | undefined;
  /** Images computed together on a GPU: a number, or `measured` before the first ones. Default: what suits a few photos. */
  readonly batch?: number | 'measured';
  /** Whether threads spin while they wait for each other: quicker where nothing else computes, slower beside others. Default: no. */
  readonly spin?: boolean | undefined;
}

/** What an operator is told while an engine works: how much it computes together, and why that changed. */
export interface EngineNotice {
  readonly level: 'info' | 'warn';
  readonly message: string;
  readonly batch: number;
}
export type OnNotice = (notice: EngineNotice) => void;

type DeviceKind = 'cpu' | 'cuda' | 'wasm';

/**
 * What each engine computes where, the best device first, which `auto` tries first. Known without loading it, so that nothing is
 * planned or waited for that none can.
 */
export const ABILITIES: Readonly<Record<EngineName, Partial<Readonly<Record<Precision, readonly DeviceKind[]>>>>> = {
  onnx: { float32: ['cuda', 'cpu'], float16: ['cuda'], int8: ['cpu'] },
  tensorflow: { float32: ['cuda', 'cpu', 'wasm'] },
};

/** Precisions that some engine computes. */
export const PRECISIONS: readonly Precision[] = [...new Set(Object.values(ABILITIES).flatMap((of) => Object.keys(of) as Precision[]))];

/**
 * The devices that an engine of these options may take, in the order in which `auto` tries them; one, where a device was asked for.
 * @throws ShowtellError `CONFIG_INVALID` (no such device, or precision of this engine), `DEVICE_UNAVAILABLE`.
 */
export function devicesToTry({
  engine,
  precision,
  device: text,
}: Pick<EngineOptions, 'engine' | 'precision' | 'device'>): readonly Device[] {
  const device = parseDevice(text);
  const abilities = ABILITIES[engine];
  const kinds = abilities[precision];
  if (kinds === undefined)
    throw new ShowtellError(
      'CONFIG_INVALID',
      `Expected precision ${Object.keys(abilities).join(' or ')} for the engine ${engine} but received ${precision}`,
    );
  if (device === 'auto') return kinds.map((kind) => (kind === 'cuda' ? 'cuda:0' : kind));
  if (!kinds.includes(isCuda(device) ? 'cuda' : device))
    throw new ShowtellError(
      'DEVICE_UNAVAILABLE',
      `Expected device ${kinds.join(' or ')} for the engine ${engine} in ${precision} but received ${text}`,
      {
        hint: `The engine ${engine} computes ${Object.entries(abilities)
          .map(([name, on]) => `${name} on ${on.join(', ')}`)
          .join('; ')}.`,
      },
    );
  return [device];
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
