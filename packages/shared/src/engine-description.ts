import type { Device } from './device';
import type { Precision } from './schema/encoder-identity';

/** Who computes, for people, logs and commit records; no result depends on it beyond rounding. */
export interface EngineDescription {
  readonly engine: string;
  /** What computes, as the library calls it: `CPU`, `CUDA`, `WebAssembly`. */
  readonly provider: string;
  /** The device in use, not the one that was asked for. */
  readonly device: Device;
  /** What the device calls itself. */
  readonly deviceName: string;
  readonly precision: Precision;
  /** Of the CPU. */
  readonly threads: number;
  /** Library → version. */
  readonly versions: Readonly<Record<string, string>>;
  /** Why `auto` became this device; absent where the device was asked for. */
  readonly chosen?: string;
}
