import { type ErrorCode, isShowtellError, ShowtellError } from '@showtell/shared/errors';
import type { EngineDescription, EngineNotice, EngineOptions } from './encoder/engines/engine';

/** To the engine's process. `open` comes first, or `probe`, which is all there is then; requests are answered in order. */
export type EngineRequest =
  | { readonly type: 'open'; readonly options: EngineOptions }
  | { readonly type: 'probe'; readonly options: EngineOptions }
  /** `pixels` absent: they lie in the pixel area. */
  | { readonly type: 'encode'; readonly id: number; readonly pixels?: Uint8Array; readonly count: number }
  | { readonly type: 'close' };

/** The engine's process has the pixel area open under this number, where there is one: the channel is 3. */
export const AREA_FD = 4;

/** From the engine's process. */
export type EngineReply =
  | {
      readonly type: 'ready';
      readonly description: EngineDescription;
      readonly side: number;
      readonly dimension: number;
      readonly batch: number | undefined;
    }
  | { readonly type: 'probed'; readonly description: EngineDescription }
  | { readonly type: 'notice'; readonly notice: EngineNotice }
  | { readonly type: 'refused'; readonly error: WireError }
  /** `rss`: resident memory of the process, bytes. */
  | { readonly type: 'features'; readonly id: number; readonly features: Float32Array; readonly rss: number }
  | { readonly type: 'failed'; readonly id: number; readonly error: WireError };

/** An error as it crosses between processes: structured clone keeps neither class nor code. */
export interface WireError {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly code: ErrorCode | undefined;
  readonly hint: string | undefined;
  readonly retryable: boolean | undefined;
}

export function toWire(thrown: unknown): WireError {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const { code, hint, retryable } = isShowtellError(error) ? error : { code: undefined, hint: undefined, retryable: undefined };
  return { name: error.name, message: error.message, stack: error.stack, code, hint, retryable };
}

export function fromWire({ name, message, stack, code, hint, retryable }: WireError): Error {
  const error = code
    ? new ShowtellError(code, message, { ...(hint === undefined ? {} : { hint }), ...(retryable === undefined ? {} : { retryable }) })
    : name === 'RangeError'
      ? new RangeError(message)
      : new Error(message);
  if (stack !== undefined) error.stack = stack;
  return error;
}
