import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { sha256 } from '@showtell/shared/hash';
import { z } from 'zod';

/** What a server said of a file: enough to ask for the rest of the same one, or whether it is another by now. */
const Origin = z.object({
  /** Of the address, which may hold a secret. */
  addressSha256: z.string(),
  etag: z.string().optional(),
  lastModified: z.string().optional(),
  bytes: z.int().optional(),
});
export type Origin = z.infer<typeof Origin>;

/** The beginning of a file that is being downloaded, kept beside it. */
export interface PartialFile {
  readonly path: string;
  readonly origin: Origin;
  readonly length: number;
}

export interface KeptPlace {
  readonly folder: string;
  readonly name: string;
}

export const originOf = (url: URL, said: Omit<Origin, 'addressSha256'>): Origin => ({
  addressSha256: sha256(Buffer.from(url.href)),
  ...said,
});

/** Whether the server said enough to tell later that the file is still the same. */
export const isKnownAgain = ({ etag, lastModified }: Origin) => etag !== undefined || lastModified !== undefined;

/**
 * Begins a file whose name follows from what the server said: two versions never lie in one, and several processes that fetch the same
 * version write the same bytes to the same places. Returns its path.
 */
export async function startPartial(origin: Origin, { folder, name }: KeptPlace): Promise<string> {
  const version = isKnownAgain(origin) ? JSON.stringify(origin) : randomUUID();
  const path = join(folder, `${name}.${sha256(Buffer.from(version)).slice(0, 12)}.part`);
  await (await open(path, 'a')).close();
  await writeOrigin(path, origin);
  return path;
}

/** The longest beginning from this address that can be gone on with. */
export async function findPartial(url: URL, place: KeptPlace): Promise<PartialFile | undefined> {
  const found: PartialFile[] = [];
  for (const path of await partialPaths(place)) {
    const origin = await readOrigin(path, url);
    const length = await sizeOf(path);
    if (origin && isKnownAgain(origin) && length !== undefined && length > 0 && length <= (origin.bytes ?? Number.POSITIVE_INFINITY))
      found.push({ path, origin, length });
  }
  return found.sort((a, b) => b.length - a.length)[0];
}

export async function removePartial(path: string): Promise<void> {
  await rm(path, { force: true });
  await rm(originPath(path), { force: true });
}

/** Once the file is whole, no beginning of it is of use, nor of an older version. */
export async function removePartials(place: KeptPlace): Promise<void> {
  for (const path of await partialPaths(place)) await removePartial(path);
}

export async function writeOrigin(path: string, origin: Origin): Promise<void> {
  await writeFile(originPath(path), JSON.stringify(origin));
}

/** What is known of the file at this path, if it came from this address. */
export async function readOrigin(path: string, url: URL): Promise<Origin | undefined> {
  const text = await readFile(originPath(path), 'utf8').catch(gone);
  if (text === undefined) return undefined;
  try {
    const origin = Origin.parse(JSON.parse(text));
    return origin.addressSha256 === originOf(url, {}).addressSha256 ? origin : undefined;
  } catch {
    // Cut short by a kill: what it describes is fetched again.
    return undefined;
  }
}

/** `undefined` when there is no such file. */
export async function digestOf(path: string, algorithm: 'md5' | 'sha256'): Promise<string | undefined> {
  const hash = createHash(algorithm);
  try {
    await pipeline(createReadStream(path), hash);
  } catch (error) {
    return gone(error as NodeJS.ErrnoException);
  }
  return hash.digest('hex');
}

export const sizeOf = (path: string): Promise<number | undefined> => stat(path).then(({ size }) => size, gone);

const originPath = (path: string) => `${path}.json`;

async function partialPaths({ folder, name }: KeptPlace): Promise<string[]> {
  const names = await readdir(folder);
  return names.filter((file) => file.startsWith(`${name}.`) && file.endsWith('.part')).map((file) => join(folder, file));
}

function gone(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
  return undefined;
}
