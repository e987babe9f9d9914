import { ShowtellError } from './errors';

/** Names of runs and trainings: BullMQ refuses `:` and all-digit ids, and the name becomes part of object keys. */
const NAME = /^(?=.*[a-z])[a-z0-9][a-z0-9-]{0,62}$/;

export function isName(text: string): boolean {
  return NAME.test(text);
}

/** Returns the name, or throws `CONFIG_INVALID`. `what` is the word the reader knows: "run", "training", "alias". */
export function checkName(what: string, text: string): string {
  if (isName(text)) return text;
  throw new ShowtellError(
    'CONFIG_INVALID',
    `Expected a ${what} name of lower-case letters, digits and "-" (at most 63, at least one letter) but received ${JSON.stringify(text)}`,
  );
}

/** Turns any text into the readable part of a name: `COCO 2017/val` becomes `coco-2017-val`. May be empty. */
export function slug(text: string, length = 40): string {
  return text
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, length)
    .replace(/^-+|-+$/g, '');
}

/** Shard number as five digits (more when it needs them), so that keys sort in order. */
export function shardDigits(shard: number): string {
  return String(shard).padStart(5, '0');
}
