import { randomUUID } from 'node:crypto';
import { closeSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** Files in this folder are memory, on Linux. */
const FOLDER = '/dev/shm';

/**
 * Memory that a child process inherits as an open file, for pixels: a message channel takes several times as long for megabytes, and
 * both of its ends allocate them anew each time. It has no name, so nothing is left of it when the last process is gone.
 */
export interface PixelArea {
  /** To be among the child's `stdio`. */
  readonly fd: number;
  /** Overwrites what was there. @returns false when there is not so much memory for files. */
  write(pixels: Uint8Array): boolean;
  close(): void;
}

/** `undefined` where the system has no such files. */
export function openPixelArea(folder: string = FOLDER): PixelArea | undefined {
  const path = join(folder, `showtell-${randomUUID()}`);
  let fd: number;
  try {
    fd = openSync(path, 'wx+', 0o600);
  } catch {
    return undefined;
  }
  unlinkSync(path);
  return { fd, write: (pixels) => write(fd, pixels), close: () => closeSync(fd) };
}

function write(fd: number, pixels: Uint8Array): boolean {
  try {
    for (let at = 0; at < pixels.length; ) at += writeSync(fd, pixels, at, pixels.length - at, at);
    return true;
  } catch (error) {
    // Containers have 64 MiB of it unless told otherwise.
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return false;
    throw error;
  }
}

/** The child's end. What `read` gives is overwritten by the next `read`. */
export class PixelReader {
  #buffer = Buffer.alloc(0);

  constructor(private readonly fd: number) {}

  /** @throws Error when the area has fewer bytes. */
  read(bytes: number): Uint8Array {
    if (this.#buffer.length < bytes) this.#buffer = Buffer.allocUnsafeSlow(bytes);
    for (let at = 0; at < bytes; ) {
      const count = readSync(this.fd, this.#buffer, at, bytes - at, at);
      if (count === 0) throw new Error(`Expected ${bytes} bytes of pixels but received ${at}`);
      at += count;
    }
    return this.#buffer.subarray(0, bytes);
  }
}
