import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

const repository = resolve(__dirname, '..', '..', '..');
const folder = process.env['SHOWTELL_CONFORMANCE'] ?? join(repository, '..', 'shared', 'conformance');
const dataFolder = process.env['SHOWTELL_DATA'] ?? join(repository, '..', 'shared', 'data');

/** Path within the folder of expected values (`$SHOWTELL_CONFORMANCE`), or `undefined` where it is absent. */
export function conformancePath(...parts: string[]): string | undefined {
  return existing(join(folder, ...parts));
}

/** Path within the folder of real photos (`$SHOWTELL_DATA`), or `undefined` where it is absent. */
export function dataPath(...parts: string[]): string | undefined {
  return existing(join(dataFolder, ...parts));
}

/** A suite over expected values that other people's programs computed. Skipped, saying so, where the folder is absent. */
export function describeConformance(name: string, parts: string[], suite: (path: string) => void): void {
  describeWith(name, conformancePath(...parts), `$SHOWTELL_CONFORMANCE has no ${parts.join('/')}`, suite);
}

/** A suite over real photos. Skipped, saying so, where the folder is absent. */
export function describeData(name: string, parts: string[], suite: (path: string) => void): void {
  describeWith(name, dataPath(...parts), `$SHOWTELL_DATA has no ${parts.join('/')}`, suite);
}

function existing(path: string): string | undefined {
  return existsSync(path) ? path : undefined;
}

function describeWith(name: string, path: string | undefined, absence: string, suite: (path: string) => void): void {
  if (path === undefined) describe.skip(`${name} (skipped: ${absence})`, () => test('absent', () => undefined));
  else describe(name, () => suite(path));
}
