import { randomUUID } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ShowtellError } from '@showtell/shared/errors';
import { sha256 } from '@showtell/shared/hash';
import { keys } from '@showtell/shared/keys';
import { localFileError } from '@showtell/shared/local-file-error';
import { makeFolder } from '@showtell/shared/make-folder';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { recordImagenet } from './imagenet';
import type { ResolvedWeights } from './resolve';

/** What was written longer ago is written again, far sooner than `gc` would take it: the record that is to name it may come late. */
const RENEW_MS = 60 * 60 * 1_000;

/**
 * Stores an encoder file under its sha256, and writes down when it is Keras' published one. What is there already is read and compared,
 * since nobody else would mend it: workers only refuse what is damaged. What lies there for long is written again, so that it is young
 * when somebody is about to name it.
 */
export async function putWeights(
  store: ObjectStore,
  { bytes, sha256: sha, sourceMd5: md5 }: Pick<ResolvedWeights, 'bytes' | 'sha256' | 'sourceMd5'>,
  options: { readonly signal?: AbortSignal } = {},
): Promise<void> {
  const key = keys.weights(sha);
  const there = await store.head(key, options);
  const whole = there?.bytes === bytes.length && (await store.get(key, options))?.body.equals(bytes);
  const young = there !== undefined && Math.abs(Date.now() - there.lastModified.valueOf()) < RENEW_MS;
  if (whole !== true || !young) await store.upload(key, bytes, options);
  if (md5 !== undefined) await recordImagenet(store, sha, { md5, ...options });
}

/**
 * The path of the weights in `cacheFolder`, fetched from the store when they are not there yet or damaged.
 * Several processes may fetch at once: each writes a file of its own and renames it into place.
 * @throws ShowtellError `NOT_FOUND` when the store has none, `CORRUPT_OBJECT` when it has others, `DISK_FULL`, `FILE_DENIED`.
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
      hint: AGAIN,
    });
  const found = sha256(stored.body);
  if (found !== sha)
    throw new ShowtellError('CORRUPT_OBJECT', `Expected sha256 ${sha} for ${key} in ${store.url} but received ${found}`, { hint: AGAIN });

  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    await makeFolder(cacheFolder);
    await writeFile(temporary, stored.body);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw localFileError(error, 'write the encoder weights to', cacheFolder);
  }
  return path;
}

const AGAIN = 'Enqueue the run again: it puts them there.';

async function isCached(path: string, sha: string): Promise<boolean> {
  try {
    return sha256(await readFile(path)) === sha;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw localFileError(error, 'read the encoder weights in', path);
  }
}
