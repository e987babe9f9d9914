import { ShowtellError } from '../errors';

/**
 * Returns the key, or throws `USAGE`. Keys are `/`-separated names; `.` and `..` are refused in every store,
 * because a folder would resolve them and HTTP clients and proxies do so in addresses too.
 */
export function checkKey(key: string): string {
  if (key !== '' && !key.startsWith('/') && !key.includes('\0') && !key.split('/').some((name) => name === '.' || name === '..'))
    return key;
  throw new ShowtellError(
    'USAGE',
    `Expected an object key relative to its store, without "." and ".." and NUL, but received ${JSON.stringify(key)}`,
  );
}

/** Like `checkKey` for the beginning of keys, which may be empty. */
export function checkPrefix(prefix: string): string {
  return prefix === '' ? prefix : checkKey(prefix);
}

/** Like `checkPrefix` for whole folders: empty, or with `/` at the end. */
export function checkFolder(folder: string): string {
  if (folder === '' || folder.endsWith('/')) return checkPrefix(folder);
  throw new ShowtellError('USAGE', `Expected a folder of keys with "/" at its end but received ${JSON.stringify(folder)}`);
}

/** Orders text by code points, as stores list keys. (`<` compares UTF-16 units, which puts U+1F600 before U+FF5E.) */
export function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return isSurrogate(x) === isSurrogate(y) ? x - y : isSurrogate(x) ? 1 : -1;
  }
  return a.length - b.length;
}

/** Surrogates stand for code points above every other UTF-16 unit. */
const isSurrogate = (unit: number) => unit >= 0xd800 && unit <= 0xdfff;
