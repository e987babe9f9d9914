import { type FileHandle, open } from 'node:fs/promises';

/** A new file that is written piece by piece. */
export class GrowingFile {
  readonly #file: FileHandle;
  #bytes = 0;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Fails where there is something of that name. */
  static async create(path: string): Promise<GrowingFile> {
    return new GrowingFile(await open(path, 'wx'));
  }

  get bytes(): number {
    return this.#bytes;
  }

  async write(chunk: Uint8Array): Promise<void> {
    // Of an open file this goes on where the last one ended.
    await this.#file.writeFile(chunk);
    this.#bytes += chunk.length;
  }

  /** Once the disk has all of it. */
  async end(): Promise<void> {
    await this.#file.sync();
    await this.close();
  }

  /** As it is; closing twice is no error. */
  close(): Promise<void> {
    return this.#file.close();
  }
}
