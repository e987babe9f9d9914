import { randomBytes } from 'node:crypto';
import { ShowtellError } from './errors';
import { keys } from './keys';
import type { ObjectStore } from './object-store/object-store';

const BYTES = 32;

interface Options {
  readonly signal?: AbortSignal;
}

/**
 * The key by which encoders tell pixels that ingest has prepared from what anybody else has written to Redis. It lies in the object
 * store, where nobody who can merely write to Redis can read it.
 */
export class PixelKey {
  #key: Buffer | undefined;

  constructor(private readonly store: ObjectStore) {}

  /** `undefined` where none was made: then no pixels were either. */
  async read(options?: Options): Promise<Buffer | undefined> {
    if (this.#key !== undefined) return this.#key;
    const body = (await this.store.get(keys.pixelKey(), options))?.body;
    if (body !== undefined && body.length !== BYTES)
      throw new ShowtellError(
        'CORRUPT_OBJECT',
        `Expected ${BYTES} bytes for ${keys.pixelKey()} in ${this.store.url} but received ${body.length}`,
        {
          hint: 'Delete it: the next ingest service makes another one, and encoders prepare what is in Redis now themselves.',
          retryable: false,
        },
      );
    this.#key = body;
    return body;
  }

  /** The key, made if there is none. */
  async readOrMake(options?: Options): Promise<Buffer> {
    const found = await this.read(options);
    if (found !== undefined) return found;
    await this.store.putIfAbsent(keys.pixelKey(), randomBytes(BYTES), options);
    // Another may have been first.
    return this.readOrMake(options);
  }
}
