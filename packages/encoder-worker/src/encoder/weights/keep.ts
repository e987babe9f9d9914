import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ShowtellError } from '@showtell/shared/errors';
import { sha256 } from '@showtell/shared/hash';
import { keys } from '@showtell/shared/keys';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import type { ResolvedWeights } from './resolve';

/** Stores an encoder file under its sha256, once; who finds an object of that size there leaves it. */
export async function putWeights(
  store: ObjectStore,
  { bytes, sha256: sha }: Pick<ResolvedWeights, 'bytes' | 'sha256'>,
  options: { readonly signal?: AbortSignal } = {},
): Promise<void> {
  const key = keys.weights(sha);
  const there = await store.head(key, options);
  if (there?.bytes !== bytes.length) await store.upload(key, bytes, options);
}

/**
 * The path of the weights in `cacheFolder`, fetched from the store when they are not there yet or damaged.
 * Several processes may fetch at once: each writes a file of its own and renames it into place.
 * @throws ShowtellError `NOT_FOUND` when the store has none, `CORRUPT_OBJECT` when it has others.
 */
export async function fetchWeights(
  store: ObjectStore,
  sha: string,
  cacheFolder: string,
  options: { readonly signal?: AbortSignal } = {},
): Promise<string> {
  const path = join(cacheFolder, sha);
  if (await isCached(path, sha)) return path;

  const key = keys.weights(sha);
  const stored = await store.get(key, options);
  if (!stored)
    throw new ShowtellError('NOT_FOUND', `The encoder weights ${key} are not in ${store.url}`, {
      hint: 'Enqueue the run again: it puts them there.',
    });
  const found = sha256(stored.body);
  if (found !== sha) throw new ShowtellError('CORRUPT_OBJECT', `Expected sha256 ${sha} for ${key} in ${store.url} but received ${found}`);

  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    await mkdir(cacheFolder, { recursive: true });
    await writeFile(temporary, stored.body);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  return path;
}

async function isCached(path: string, sha: string): Promise<boolean> {
  try {
    return sha256(await readFile(path)) === sha;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
