import { z } from 'zod';
import { ShowtellError } from '../errors';
import { canonicalJson } from '../hash';

export const Sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'expected a sha256 as 64 hexadecimal digits');
export const Count = z.int().min(0);

/** An object named by a record: its key and what must be found there. */
export const PartRecord = z.object({ key: z.string(), bytes: Count, sha256: Sha256 });
export type PartRecord = z.infer<typeof PartRecord>;

/** Records are stored as canonical JSON, so the same record is always the same bytes. */
export function encodeRecord(record: unknown): Buffer {
  return Buffer.from(`${canonicalJson(record)}\n`);
}

/**
 * Parses a stored record against its schema. `where` is the key, for the message.
 * A record of another format version is `FORMAT_VERSION`; anything else that does not fit is `CORRUPT_OBJECT`.
 */
export function parseRecord<T extends z.ZodType>(schema: T, formatVersion: number, body: Uint8Array, where: string): z.infer<T> {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(body).toString('utf8'));
  } catch (cause) {
    throw corrupt(`${where} is not JSON`, cause);
  }
  const version = (value as { formatVersion?: unknown } | null)?.formatVersion;
  if (typeof version !== 'number') throw corrupt(`${where} is not a record: it names no format version`);
  if (version !== formatVersion) {
    throw new ShowtellError('FORMAT_VERSION', `Expected format version ${formatVersion} in ${where} but received ${version}`, {
      hint: 'Use the version of Showtell that wrote it, or make the run again.',
    });
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw corrupt(`${where} does not fit its schema: ${describeIssues(parsed.error)}`);
  return parsed.data;
}

const corrupt = (message: string, cause?: unknown) =>
  new ShowtellError('CORRUPT_OBJECT', message, { cause, retryable: false, hint: 'Bring it back from a copy of the store.' });

/** Issues that are told: a record of another kind has one for every field. */
const TOLD = 3;

/** `shards[3].sha256: expected a sha256 as 64 hexadecimal digits; …`, on one line. */
function describeIssues({ issues }: z.ZodError): string {
  const told = issues.slice(0, TOLD).map(({ path, message }) => (path.length === 0 ? message : `${z.core.toDotPath(path)}: ${message}`));
  return `${told.join('; ')}${issues.length > TOLD ? `; and ${issues.length - TOLD} more` : ''}`;
}
