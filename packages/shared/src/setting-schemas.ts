import { z } from 'zod';

const addresses = new WeakSet<z.ZodType>();
/** Whether a value of this kind may hold a password. */
export const isAddress = (schema: z.ZodType) => addresses.has(schema);

function address<T extends z.ZodType>(schema: T): T {
  addresses.add(schema);
  return schema;
}

function beginsWith(protocols: readonly string[]) {
  const expected = `expected an address that begins with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`;
  return z.string({ error: expected }).superRefine((text, context) => {
    if (URL.canParse(text) && protocols.includes(new URL(text).protocol)) return;
    const known = protocols.some((protocol) => text.startsWith(`${protocol}//`));
    const unreadable = '; this one cannot be read: a port is at most 65535, and / # ? @ : in a password are written %2F %23 %3F %40 %3A';
    context.addIssue(`${expected}${known ? unreadable : ''}`);
  });
}

export const Url = (protocols: readonly string[]) => address(beginsWith(protocols));

export const RedisUrl = address(
  beginsWith(['redis:', 'rediss:']).refine((text) => !URL.canParse(text) || /^\/?\d*$/.test(new URL(text).pathname), {
    error: 'expected a database number, or nothing, behind the host of redis://host:port/NUMBER',
  }),
);

export const GIB = 2 ** 30;
const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: GIB,
  tib: 2 ** 40,
};

/** A number of bytes, or a number with a unit: `2GiB`, `500 MB`. */
export const Bytes = z.preprocess(
  (value) => {
    const [, number, unit = ''] = typeof value === 'string' ? (/^\s*(\d+(?:\.\d+)?)\s*([kmgt]i?b)?\s*$/i.exec(value) ?? []) : [];
    return number === undefined ? value : Math.round(Number(number) * UNITS[unit.toLowerCase()]!);
  },
  z.int({ error: 'expected bytes, such as 2GiB' }).min(0, 'expected bytes, such as 2GiB'),
);

/** A number of seconds, in text too; nothing else counts as one (`true`, an empty text, `0x10`). */
export function Seconds(least: number, most: number) {
  const error = `expected a number from ${least} to ${most}`;
  const read = (value: unknown) => (typeof value === 'string' && /^\d+(?:\.\d+)?$/.test(value) ? Number(value) : value);
  return z.preprocess(read, z.number({ error }).min(least, error).max(most, error));
}

export const Bool = z.preprocess(
  (value) => (typeof value === 'string' ? (z.stringbool().safeParse(value).data ?? value) : value),
  z.boolean({ error: 'expected true or false' }),
);

export const Folder = z.string({ error: 'expected a folder' }).min(1, 'expected a folder');
