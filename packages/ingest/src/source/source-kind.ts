import type { SourceAddress } from '@showtell/shared/schema/run';
import type { DatasetSource } from './dataset';

/** One kind of source: a row of the table in `open.ts`. */
export interface SourceKind {
  readonly kind: SourceAddress['kind'];
  /** What such a dataset looks like, for help and messages: `photos in <split>/, captions in …`. */
  readonly looks: string;
  /** Beginnings of the keys by which it is recognised; each one is a list request of a thousand keys at most. */
  readonly prefixes: readonly string[];
  /** The datasets of this kind that are seen from keys that begin with `prefixes`. */
  recognise(keys: readonly string[]): readonly Recognised[];
  /** The dataset that is named by a file of it instead of by the folder; `undefined` when it is no file of this kind. */
  named?(file: string): Recognised | undefined;
  /** Folders of the dataset that may be named, too, or that its files lie in: the dataset is then what they lie in. */
  readonly folders?: readonly string[];
  /** Whether the photos may lie in a folder that a person names. */
  readonly takesPhotos?: boolean;
  open(address: SourceAddress): DatasetSource;
}

/** One dataset among those that a folder may hold. */
export interface Recognised {
  /** The file or folder that one names to mean this dataset, relative to it. */
  readonly name: string;
  /** Key of the captions file, for the address. */
  readonly captions?: string;
}
