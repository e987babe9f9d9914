/** What a store tells of an object. `etag` is opaque; `lastModified` is the store's own clock. */
export interface ObjectInfo {
  readonly key: string;
  readonly bytes: number;
  readonly etag: string;
  readonly lastModified: Date;
}

export interface StoredObject {
  readonly body: Buffer;
  readonly etag: string;
}

/**
 * What a writer that was killed left behind and no reader sees: a temporary file, or the pieces of an upload that was never completed.
 * A writer at work has one too.
 */
export interface Leftover {
  /** Of the object that an upload is of, or where a temporary file lies. */
  readonly key: string;
  /** Tells uploads of one key apart; empty for a temporary file. */
  readonly id: string;
  readonly bytes: number;
  /** When it was begun or last written, by the store's own clock. */
  readonly lastModified: Date;
}

export interface ReadOptions {
  readonly signal?: AbortSignal;
  /** Fails with `SOURCE_CHANGED` when the object is no longer this one. */
  readonly ifMatch?: string;
  /** Bytes `start` to `end`, both included. */
  readonly range?: { readonly start: number; readonly end: number };
}

export interface WriteOptions {
  readonly signal?: AbortSignal;
  readonly contentType?: string;
}

/**
 * A place for objects: `s3://bucket/prefix` or `file:///folder`. One contract suite fits every implementation.
 *
 * Keys are relative to the store's own prefix, `/`-separated, and never begin with `/`.
 * Every call has a deadline and is retried within it; what is left then is a `ShowtellError`
 * (`STORE_UNREACHABLE`, `STORE_DENIED`, `NO_SUCH_BUCKET`, `CLOCK_SKEW`, `DISK_FULL`, `CORRUPT_OBJECT` for bodies shorter than announced).
 * An aborted `signal` rejects with the signal's reason, and no write begins after it.
 */
export interface ObjectStore {
  /** The store's address without any secret. */
  readonly url: string;
  /** The whole object (or `range` of it), or `undefined` when it does not exist. */
  get(key: string, options?: ReadOptions): Promise<StoredObject | undefined>;
  /** The body as a stream, for objects larger than memory should hold; its length is checked. `undefined` when absent. */
  stream(key: string, options?: ReadOptions): Promise<NodeJS.ReadableStream | undefined>;
  head(key: string, options?: { readonly signal?: AbortSignal }): Promise<ObjectInfo | undefined>;
  /** Writes whatever was there before. Only for parts whose key carries their sha256 or lease epoch. */
  put(key: string, body: Uint8Array, options?: WriteOptions): Promise<{ readonly etag: string }>;
  /** Like `put` for large parts (multipart on S3). */
  upload(key: string, body: Uint8Array, options?: WriteOptions): Promise<void>;
  /** Creates the object, or tells that one is there already (`created: false`). Of two at once exactly one creates. */
  putIfAbsent(
    key: string,
    body: Uint8Array,
    options?: WriteOptions,
  ): Promise<{ readonly created: true; readonly etag: string } | { readonly created: false }>;
  /** Compare-and-swap: replaces the object whose etag is `etag`, or tells that it is another by now (`replaced: false`). */
  replace(
    key: string,
    body: Uint8Array,
    etag: string,
    options?: WriteOptions,
  ): Promise<{ readonly replaced: true; readonly etag: string } | { readonly replaced: false }>;
  /** Objects whose key begins with `prefix`, in code-point order of their keys. */
  list(prefix: string, options?: { readonly signal?: AbortSignal }): AsyncIterable<ObjectInfo>;
  /**
   * Names directly below `folder` (empty, or with `/` at its end) under which there are objects, each once and in code-point order of
   * their keys. Asks as often as there are such names, not as often as there are objects.
   */
  folders(folder: string, options?: { readonly signal?: AbortSignal }): AsyncIterable<string>;
  /**
   * Deleting what is not there is no error. With `ifMatch` an object of another etag stays, and that is no error either; a store that
   * does not know the condition deletes it.
   */
  delete(key: string, options?: { readonly ifMatch?: string }): Promise<void>;
  /** In no order. */
  leftovers(options?: { readonly signal?: AbortSignal }): AsyncIterable<Leftover>;
  /** Removing what is gone by now is no error; a writer that is still at it fails. */
  removeLeftover(leftover: Leftover): Promise<void>;
  /** Proves by one fixed key that conditional writes work; `UNSAFE_STORE` otherwise. Programs that commit call it at start. */
  probe(options?: { readonly signal?: AbortSignal }): Promise<void>;
  close(): Promise<void>;
}
