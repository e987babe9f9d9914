import type { VoidReason } from '@showtell/shared/schema/void';

/** `stale`: the newest manifest does not say what the commit records say. Otherwise as of `VoidReason`. */
export type Damage = Exclude<VoidReason, 'retry'> | 'stale';

/**
 * How a finding is mended. `encode`: the commit record is taken away and the shard encoded again; `void`: the record is taken away;
 * `manifest`: the finalizer writes the next manifest; `base`: by repairing the run that the shard was taken over from; `operator`: by
 * nobody but an operator, as `hint` says.
 */
export type Mend = 'encode' | 'void' | 'manifest' | 'base' | 'operator';

/** One thing that is wrong with a run. */
export interface Finding {
  readonly what: Damage;
  /** The run that the damaged object belongs to: of a shard that was taken over, not the one that was checked. */
  readonly run: string;
  /** Absent where the object is of no shard. */
  readonly shard?: number;
  /** Key of the object. */
  readonly where: string;
  readonly message: string;
  /** Image ids that it is about, the first 100. */
  readonly images?: readonly string[];
  readonly mend: Mend;
  /** What to do, where a repair cannot mend it. */
  readonly hint?: string;
}

/** What to do where no repair can. */
export const FROM_A_COPY =
  'Bring the object back from a copy of the store, or encode the dataset as another run: showtell enqueue SOURCE --run NAME.';
