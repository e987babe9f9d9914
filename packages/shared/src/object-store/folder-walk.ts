import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ABSENT, ignore, RESERVED, TEMPORARY_PREFIX } from './durable-files';
import { compareCodePoints } from './key';
import { VERSIONS } from './version-chain';

export interface WalkedFile {
  readonly key: string;
  /** False where its folder has no versions of anything, so that the file is the object. */
  readonly mayHaveVersions: boolean;
}

/**
 * All files under `root` whose key begins with `prefix`, in code-point order of the whole key.
 * Holds the names of one folder (and those above it) at a time. Symbolic links are followed, but not to a folder they lie in.
 */
export async function* walkFolder(root: string, prefix: string): AsyncGenerator<WalkedFile> {
  yield* walk(root, prefix.slice(0, prefix.lastIndexOf('/') + 1), prefix, []);
}

/** Names of the folders in `folder`, in the order in which their keys come. Throws where `root` is a file, which holds nothing and never will. */
export async function foldersIn(root: string, folder: string): Promise<string[]> {
  await readdir(root).catch(ignore(['ENOENT']));
  const { names } = await namesOf(join(root, folder));
  const folders = names.filter((name) => name.endsWith('/')).sort(compareCodePoints);
  return folders.map((name) => name.slice(0, -1));
}

/** Paths, relative to `root`, of the temporary files under it. Links are not followed: what lies behind them is another's. */
export async function* temporariesIn(root: string, folder = ''): AsyncGenerator<string> {
  for (const entry of (await readdir(join(root, folder), { withFileTypes: true }).catch(ignore(ABSENT))) ?? []) {
    if (entry.isFile() && entry.name.startsWith(TEMPORARY_PREFIX)) yield folder + entry.name;
    if (entry.isDirectory() && !entry.name.startsWith(RESERVED)) yield* temporariesIn(root, `${folder}${entry.name}/`);
  }
}

async function* walk(root: string, folder: string, prefix: string, above: readonly string[]): AsyncGenerator<WalkedFile> {
  const path = join(root, folder);
  const stats = await stat(path, { bigint: true }).catch(ignore(ABSENT));
  if (!stats) return;
  const identity = `${stats.dev}:${stats.ino}`;
  if (above.includes(identity)) return;
  // With its "/" a folder's name stands where its keys do: "a-b" < "a/b" < "a0".
  const { names, mayHaveVersions } = await namesOf(path);
  const keys = names.map((name) => folder + name).filter((key) => key.startsWith(prefix) || isFolderOf(key, prefix));
  for (const key of keys.sort(compareCodePoints)) {
    if (key.endsWith('/')) yield* walk(root, key, prefix, [...above, identity]);
    else yield { key, mayHaveVersions };
  }
}

const isFolderOf = (key: string, prefix: string) => key.endsWith('/') && prefix.startsWith(key);

/** Names in a folder, those of folders with "/" at the end. */
async function namesOf(path: string): Promise<{ names: string[]; mayHaveVersions: boolean }> {
  let mayHaveVersions = false;
  const names = new Set<string>();
  for (const entry of (await readdir(path, { withFileTypes: true }).catch(ignore(ABSENT))) ?? []) {
    if (entry.name === VERSIONS) {
      mayHaveVersions = true;
      for (const name of await readdir(join(path, VERSIONS))) names.add(name);
    }
    if (entry.name.startsWith(RESERVED)) continue;
    // A link, or a file system that tells no types.
    const type = entry.isFile() || entry.isDirectory() ? entry : await stat(join(path, entry.name)).catch(ignore(ABSENT));
    if (type?.isDirectory()) names.add(`${entry.name}/`);
    else if (type?.isFile()) names.add(entry.name);
  }
  return { names: [...names], mayHaveVersions };
}
