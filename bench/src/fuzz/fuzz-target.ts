import type { Random } from '@showtell/shared/source/synthetic-random';

/** What became of an input: either is right, as long as what is taken is what it says. */
export type Verdict = 'accepted' | 'refused';

/** A reader of files that an enemy may have made. */
export interface FuzzTarget {
  /** Real files of every kind that it reads, from which all others are made. */
  seeds(): Promise<readonly Buffer[]>;
  /** Words of the format that chance would not find. */
  readonly words: readonly Buffer[];
  /** A change that keeps the file's outer form, so that what lies behind the first check is reached as well. */
  readonly change?: (input: Buffer, random: Random) => Buffer;
  /** Compiled files whose newly reached blocks make an input worth keeping. */
  readonly covers: RegExp;
  /** What a refusal tells of where it came from, where a library is no JavaScript and V8 counts nothing: new words are as good as new code. */
  readonly tells?: (message: string) => string | undefined;
  /** Bytes above which no input grows. */
  readonly mostBytes: number;
  /**
   * Reads an input.
   * @throws what the reader throws: anything but a `ShowtellError` is a finding, and so is a `Finding`
   */
  check(input: Buffer): Promise<Verdict>;
  /** The whole way that a user's file takes, where `check` goes a shorter one: what that way survives is no finding. */
  readonly confirm?: (input: Buffer) => Promise<Verdict>;
}

/** Something was taken that must be refused, or read as something else than it is. */
export class Finding extends Error {
  override readonly name = 'Finding';
}

/** @throws Finding */
export function expectThat(holds: boolean, message: () => string): void {
  if (!holds) throw new Finding(message());
}
