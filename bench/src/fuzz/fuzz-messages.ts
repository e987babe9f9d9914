import type { Verdict } from './fuzz-target';

export interface Batch {
  readonly inputs: readonly Uint8Array[];
  /** By `confirm`, where the target has it. */
  readonly whole: boolean;
}

/** What is wrong with what the reader did. */
export interface Wrong {
  readonly kind: 'error' | 'accepted' | 'crash' | 'hang' | 'memory';
  readonly message: string;
  readonly stack?: string | undefined;
}

export interface Tried {
  readonly outcomes: readonly (Verdict | Wrong)[];
  /** Places of the inputs that reached code which none had reached before. */
  readonly grown: readonly number[];
  /** Characters of code reached so far. */
  readonly reached: number;
  /** The most memory that the process had, bytes. */
  readonly peak: number;
}
