import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Of the repository. */
export const ROOT = join(__dirname, '..', '..');

/** Writes a table into those pages of the repository that are there and have a place for it. */
export function writeTable(name: string, pages: readonly string[], table: string): void {
  for (const page of pages.map((path) => join(ROOT, path)).filter(existsSync)) {
    const changed = withTable(readFileSync(page, 'utf8'), name, table);
    if (changed === undefined) continue;
    writeFileSync(page, changed);
    console.error(`The table is in ${page}`);
  }
}

/**
 * `page` with `table` between the markers `<!-- bench:NAME -->` and `<!-- /bench:NAME -->`; `undefined` where it has not both.
 */
export function withTable(page: string, name: string, table: string): string | undefined {
  const [begin, end] = [`<!-- bench:${name} -->`, `<!-- /bench:${name} -->`];
  const from = page.indexOf(begin);
  const to = page.indexOf(end, from);
  return from < 0 || to < 0 ? undefined : `${page.slice(0, from + begin.length)}\n\n${table}\n\n${page.slice(to)}`;
}
