import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A suite with a disk of so many bytes. Needs root on Linux; skipped, saying so, elsewhere. */
export function describeOnSmallDisk(name: string, bytes: number, suite: (folder: string) => void): void {
  if (!canMount()) {
    describe.skip(`${name} (skipped: a small disk needs root on Linux)`, () => test('absent', () => undefined));
    return;
  }
  describe(name, () => {
    const folder = mkdtempSync(join(tmpdir(), 'showtell-disk-'));
    beforeAll(() => mount(folder, bytes));
    afterAll(() => {
      execFileSync('umount', [folder]);
      rmdirSync(folder);
    });
    suite(folder);
  });
}

function canMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  const folder = mkdtempSync(join(tmpdir(), 'showtell-disk-'));
  try {
    mount(folder, 4_096);
    execFileSync('umount', [folder]);
    return true;
  } catch {
    // A container may be root and still not mount.
    return false;
  } finally {
    rmdirSync(folder);
  }
}

function mount(folder: string, bytes: number): void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder], { stdio: 'ignore' });
}
