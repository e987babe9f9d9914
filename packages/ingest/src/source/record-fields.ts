import { broken, MAX_NAME_LENGTH, ownCopy } from './annotation-records';
import { hasLoneSurrogate } from './caption-text';

/** A short text of a record, such as an id or a name. Throws `BROKEN_ANNOTATIONS`. */
export function checkedName(value: unknown, field: string, where: () => string): string {
  if (typeof value === 'string' && value !== '' && value.length <= MAX_NAME_LENGTH && !value.includes('\0') && !hasLoneSurrogate(value))
    return ownCopy(value);
  throw broken(`${where()}: Expected text of 1 to ${MAX_NAME_LENGTH} characters for ${field} but received ${describe(value)}`);
}

/** A file below the dataset's folder: no `./` before it, and no way out of it. Throws `BROKEN_ANNOTATIONS`. */
export function checkedPath(value: unknown, field: string, where: () => string): string {
  const path = checkedName(value, field, where).replace(/^(?:\.\/)+/, '');
  if (path === '' || /^(?:[/\\]|[a-z]:[/\\])/i.test(path) || path.split(/[/\\]/).includes('..'))
    throw broken(`${where()}: Expected a path below the dataset's folder for ${field} but received ${describe(value)}`);
  return path;
}

/** What a value is, for messages. */
export function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
