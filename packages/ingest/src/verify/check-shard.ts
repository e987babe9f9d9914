import { decodeFeatureRows } from '@showtell/shared/arrow/feature-rows';
import { decodePlanRows } from '@showtell/shared/arrow/plan-rows';
import { readPart } from '@showtell/shared/commit';
import { isShowtellError } from '@showtell/shared/errors';
import { canonicalJson, sha256 } from '@showtell/shared/hash';
import { keys } from '@showtell/shared/keys';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import type { PlannedRun } from '@showtell/shared/planned-run';
import type { PlanRow, PlanShard } from '@showtell/shared/schema/plan';
import type { PartRecord } from '@showtell/shared/schema/record';
import { parseRecord } from '@showtell/shared/schema/record';
import { CommitRecord, SHARD_FORMAT } from '@showtell/shared/schema/shard';
import { checkRows } from './check-rows';
import type { Damage, Finding } from './finding';

export interface ShardContext {
  readonly store: ObjectStore;
  readonly run: PlannedRun;
  /** Asks only whether objects are there, and of what size. */
  readonly quick: boolean;
  /** Whether a shard without a commit record lost it, or is merely not encoded yet. */
  readonly isDone: (shard: number) => Promise<boolean>;
  readonly signal?: AbortSignal | undefined;
}

export interface CheckedShard {
  readonly shard: number;
  readonly findings: readonly Finding[];
  /** sha256 of the commit record's bytes; `null` where there is none. */
  readonly recordSha256: string | null;
  /** Where it could be read. */
  readonly record: CommitRecord | undefined;
}

const AGAIN = 'Bring the object back from a copy of the store, or encode the dataset as another run: showtell enqueue SOURCE --run NAME.';
const OTHER_VERSION = 'Use the version of Showtell that wrote it. If none did, delete the object and verify again.';

/** Checks one planned shard: its part of the plan, its commit record, its body, and every row. Nothing that is wrong makes it throw. */
export async function checkShard(part: PlanShard, context: ShardContext): Promise<CheckedShard> {
  const { store, run, signal } = context;
  const { shard } = part;
  const where = keys.commit(run.name, shard);
  const finding = (what: Damage, place: string, message: string, more: Partial<Finding> = {}): Finding => ({
    what,
    run: run.name,
    shard,
    where: place,
    message,
    mend: 'encode',
    ...more,
  });

  const planned = await checkPlanPart(part, context);
  const findings = planned.damage.map((damage) =>
    finding(damage.what, part.key, damage.message, { mend: 'operator', hint: damage.hint ?? AGAIN }),
  );
  const found = await store.get(where, signal && { signal });
  const recordSha256 = found === undefined ? null : sha256(found.body);
  const read = found && readRecord(found.body, where);
  const record = read?.record;
  if (found === undefined) {
    if (await context.isDone(shard)) findings.push(finding('missing', where, 'the commit record is gone'));
  } else if (record === undefined) {
    findings.push(finding('corrupt', where, read!.message, read!.newer ? { mend: 'operator', hint: OTHER_VERSION } : {}));
  } else {
    const foreign = otherThanPlanned(record, part, run);
    const key = keys.shard(run.name, shard, record.sha256);
    if (foreign !== undefined) findings.push(finding('foreign', where, foreign));
    else if (record.key !== key)
      findings.push(finding('corrupt', where, `expected the commit record to name ${key} but received ${record.key}`));
    else {
      const body = await checkBody(record, planned.rows, context);
      for (const { what, message, images, hint } of body)
        findings.push(finding(what, key, message, { ...(images && { images }), ...(hint && { mend: 'operator', hint }) }));
      // Which images it is about, the rows say better.
      if (body.length === 0 && record.rows + record.rejected.length !== part.rows)
        findings.push(
          finding('corrupt', where, `expected ${part.rows} rows and rejections but received ${record.rows} and ${record.rejected.length}`),
        );
    }
  }
  // What is encoded again is encoded from the plan: without it the record that is there is worth more than none.
  const mendable = planned.damage.length === 0;
  return {
    shard,
    findings: mendable ? findings : findings.map((each) => (each.mend === 'encode' ? { ...each, mend: 'operator', hint: AGAIN } : each)),
    recordSha256,
    record,
  };
}

interface Problem {
  readonly what: Damage;
  readonly message: string;
  readonly images?: readonly string[] | undefined;
  readonly hint?: string;
}

async function checkPlanPart(
  part: PlanShard,
  { store, quick, signal }: ShardContext,
): Promise<{ damage: Problem[]; rows: PlanRow[] | undefined }> {
  const checked = await checkPart(store, part, { quick, signal });
  if ('damage' in checked) return { damage: [checked.damage], rows: undefined };
  if (checked.body === undefined) return { damage: [], rows: undefined };
  const rows = parsed(() => decodePlanRows(checked.body!, part.key), part.key);
  return 'what' in rows ? { damage: [rows], rows: undefined } : { damage: [], rows };
}

/** Bytes and sha256 before anything is parsed; with `quick` the size alone, and then there is no body. */
export async function checkPart(
  store: ObjectStore,
  { key, bytes, sha256: expected }: PartRecord,
  { quick, signal }: { readonly quick: boolean; readonly signal?: AbortSignal | undefined },
): Promise<{ readonly damage: Problem } | { readonly body: Buffer | undefined }> {
  const options = signal && { signal };
  if (quick) {
    const info = await store.head(key, options);
    if (info === undefined) return { damage: GONE };
    if (info.bytes !== bytes) return { damage: { what: 'corrupt', message: `expected ${bytes} bytes but received ${info.bytes}` } };
    return { body: undefined };
  }
  try {
    return { body: await readPart(store, { key, bytes, sha256: expected }, options) };
  } catch (error) {
    if (!isShowtellError(error, 'CORRUPT_OBJECT')) throw error;
    if ((await store.head(key, options)) === undefined) return { damage: GONE };
    // The key stands beside it.
    return { damage: { what: 'corrupt', message: error.message.replace(` for ${key} in ${store.url}`, '') } };
  }
}

const GONE: Problem = { what: 'missing', message: 'the object is gone' };

function readRecord(
  body: Buffer,
  where: string,
): { readonly record: CommitRecord; readonly message?: undefined } | { readonly record?: undefined; message: string; newer: boolean } {
  const record = parsed(() => parseRecord(CommitRecord, SHARD_FORMAT, body, where), where);
  return 'what' in record ? { message: record.message, newer: record.hint !== undefined } : { record };
}

/** What a parser gave, or what is wrong. What another version wrote is not ours to take away. */
function parsed<T extends object>(parse: () => T, where: string): T | Problem {
  try {
    return parse();
  } catch (error) {
    if (isShowtellError(error, 'CORRUPT_OBJECT')) return { what: 'corrupt', message: error.message.replace(where, 'the object') };
    if (!isShowtellError(error, 'FORMAT_VERSION')) throw error;
    const isOther = /received (?:\d+|[a-z]+\/\d+)$/.test(error.message);
    return { what: 'corrupt', message: error.message, ...(isOther && { hint: OTHER_VERSION }) };
  }
}

/** Why a record cannot be the one of this shard, or `undefined`. */
function otherThanPlanned(record: CommitRecord, part: PlanShard, run: PlannedRun): string | undefined {
  const expected = { run: run.name, shard: part.shard, split: part.split, planSha256: run.planSha256, encoder: run.plan.encoder };
  for (const [name, value] of Object.entries(expected)) {
    const received = record[name as keyof typeof expected];
    if (canonicalJson(received) !== canonicalJson(value))
      return `expected ${name} ${canonicalJson(value)} in the commit record but received ${canonicalJson(received)}`;
  }
  return undefined;
}

async function checkBody(record: CommitRecord, planned: readonly PlanRow[] | undefined, context: ShardContext): Promise<Problem[]> {
  const checked = await checkPart(context.store, record, context);
  if ('damage' in checked) return [checked.damage];
  const { body } = checked;
  if (body === undefined) return [];
  const table = parsed(() => decodeFeatureRows(body, record.key), record.key);
  if ('what' in table) return [table];
  const { dimension } = context.run.plan.encoder;
  if (table.dimension !== dimension)
    return [{ what: 'corrupt', message: `expected features of ${dimension} numbers but received ${table.dimension}` }];
  if (planned === undefined) return [];
  const rejected = record.rejected.map(({ imageId }) => imageId);
  const found: Problem[] = checkRows(planned, rejected, table);
  if (found.length === 0 && table.imageIds.length !== record.rows)
    return [{ what: 'corrupt', message: `expected ${record.rows} rows but received ${table.imageIds.length}` }];
  return found;
}
