import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { makeFolder } from '../make-folder';
import { ABSENT, ignore, linkNew, RESERVED, syncFolder, temporaryIn } from './durable-files';

export const VERSIONS = `${RESERVED}versions`;
/** Versions behind the newest that stay, so that no number is given twice (see `append`). */
const KEEP = 16;

export interface Version {
  readonly number: number;
  readonly deleted: boolean;
}

/**
 * The versions 2, 3, … of a file that is changed by compare-and-swap, in `<folder>/.showtell-versions/<name>/<number>`;
 * version 1 is the plain file itself. The newest one is the object. A deletion is a version too: a folder instead of a file,
 * because a folder and a file contend for one name just as two files do.
 */
export class VersionChain {
  private readonly folder: string;

  constructor(private readonly path: string) {
    this.folder = join(dirname(path), VERSIONS, basename(path));
  }

  file(number: number): string {
    return join(this.folder, String(number));
  }

  /** The newest version, or `undefined` when the plain file is all there is. */
  async last(): Promise<Version | undefined> {
    return (await this.all()).at(-1);
  }

  /** Makes the finished file `temporary` the version after `after`, or returns false when another was faster. */
  async append(after: number, temporary: string): Promise<boolean> {
    const number = after + 1;
    await makeFolder(this.folder);
    if (!(await linkNew(temporary, this.file(number)))) return false;
    if (!(await this.holds(number))) return false;
    if (after === 1 && !(await stat(this.path).catch(ignore(ABSENT)))) {
      // The plain file was deleted after it was read; this version must not bring the object back.
      await this.appendDeletion(number);
      return false;
    }
    await syncFolder(this.folder);
    await this.publish();
    return true;
  }

  /** Deletes the object unless there is a version after `version`. */
  async delete(version: number): Promise<void> {
    await makeFolder(this.folder);
    if (!(await this.appendDeletion(version))) return;
    await rm(this.path, { force: true });
    // Of an object that was made again meanwhile the file that people see was just removed.
    await this.publish();
  }

  /** Makes "deleted" the version after `after`, or returns false when another was faster. */
  async appendDeletion(after: number): Promise<boolean> {
    try {
      await mkdir(this.file(after + 1));
    } catch (error) {
      ignore(['EEXIST'])(error);
      return false;
    }
    if (!(await this.holds(after + 1))) return false;
    await syncFolder(this.folder);
    return true;
  }

  private async all(): Promise<Version[]> {
    const entries = (await readdir(this.folder, { withFileTypes: true }).catch(ignore(ABSENT))) ?? [];
    return entries
      .map((entry) => ({ number: Number(entry.name), deleted: entry.isDirectory() }))
      .filter(({ number }) => Number.isSafeInteger(number) && number > 1)
      .sort((a, b) => a.number - b.number);
  }

  /**
   * Whether the version just made was free because it never was, and not because it was pruned: a process that stood still
   * between reading and linking would otherwise believe that it replaced an object that had long moved on.
   * Removes what is too old, and the version itself when it is.
   */
  private async holds(number: number): Promise<boolean> {
    const all = await this.all();
    const newest = all.at(-1)?.number ?? number;
    const old = all.filter((version) => newest - version.number >= KEEP);
    await Promise.all(old.map((version) => rm(this.file(version.number), { recursive: true, force: true })));
    return newest - number < KEEP;
  }

  /** Lets the plain file show the newest version to people and programs that know nothing of versions. The store itself reads the chain. */
  private async publish(): Promise<void> {
    for (let last = await this.last(); last && !last.deleted; ) {
      const copy = temporaryIn(dirname(this.path));
      try {
        if (await linkNew(this.file(last.number), copy)) await rename(copy, this.path);
      } catch (error) {
        // Pruned meanwhile: then there is a newer one.
        ignore(ABSENT)(error);
      } finally {
        await rm(copy, { force: true });
      }
      const now = await this.last();
      if (now?.number === last.number) return;
      last = now;
    }
  }
}
