import { createHash } from 'node:crypto';
import { concurrently } from '@showtell/shared/concurrently';
import { isShowtellError } from '@showtell/shared/errors';
import { canonicalJson, sha256 } from '@showtell/shared/hash';
import { keys } from '@showtell/shared/keys';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { findPlannedRun, listCommitted, type PlannedRun } from '@showtell/shared/planned-run';
import { readShard } from '@showtell/shared/read-shard';
import type { ManifestShard } from '@showtell/shared/schema/manifest';
import type { CommitRecord } from '@showtell/shared/schema/shard';
import { buildManifest, type NewestManifest, newestManifest, tellsOf } from '../manifest';
import { notFinite } from '../verify/check-rows';
import { type CheckedShard, checkPart, checkShard } from '../verify/check-shard';
import { checkVoids, wasDone } from '../verify/check-voids';
import { type Finding, FROM_A_COPY } from '../verify/finding';
import { isPlanned, readRepaired } from '../voids';

export interface VerifyOptions {
  readonly store: ObjectStore;
  readonly run: string;
  /** Asks only whether objects are there, and of what size: for a look at a large run. */
  readonly quick?: boolean;
  /** Shards checked so far, and in all. */
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal | undefined;
}

export interface VerifyReport {
  readonly run: string;
  readonly quick: boolean;
  /** Counts of planned shards. `waiting`: without a commit record and without ever having been in a manifest, or taken away since. */
  readonly shards: { readonly planned: number; readonly intact: number; readonly damaged: number; readonly waiting: number };
  /** Counts of samples of intact shards. */
  readonly samples: { readonly encoded: number; readonly rejected: number };
  /** Shards taken over from other runs, by run. */
  readonly bases: readonly { readonly run: string; readonly shards: number; readonly damaged: number }[];
  /** Number of the newest manifest, 0 while there is none. */
  readonly manifest: number;
  /** Whether everything is committed, but no manifest says so yet. */
  readonly manifestDue: boolean;
  /** Bodies that no commit record names: of workers that died, or taken away since. No damage; `gc` deletes them. */
  readonly bodiesWithoutRecord: { readonly count: number; readonly bytes: number };
  readonly findings: readonly Finding[];
}

/** What a repair has to know beside the report. */
export interface Verification {
  readonly report: VerifyReport;
  readonly planned: PlannedRun | undefined;
  /** Of every shard that is planned or has a commit record: the sha256 of its commit record's bytes as they were seen, `null` where there was none. */
  readonly records: ReadonlyMap<number, string | null>;
}

/** Shards in work at once, as long as their bodies together stay below so many bytes. */
const SHARDS_AT_ONCE = 8;
const BYTES_AT_ONCE = 2 ** 28;

/**
 * Checks a run: its plan and captions, of every shard the commit record, the body's bytes and sha256 and every row, and the newest
 * manifest; of a run with a base the shards that it took over. Memory is bounded by `BYTES_AT_ONCE`, besides the commit records.
 * Changes nothing and needs no Redis. What is not encoded yet is no damage.
 * @throws ShowtellError `NOT_FOUND` when there is no such run, `MISSING_SHARDS` when it has no plan yet; the store's errors.
 */
export async function verifyRun(options: VerifyOptions): Promise<Verification> {
  const { store, run: name, quick = false, onProgress, signal } = options;
  const read = signal && { signal };
  const opened = await openRun(store, name, signal);
  if ('finding' in opened) return broken(name, quick, opened.finding);
  const { run } = opened;
  // Before the commit records, and void records after them: what is taken away or committed meanwhile is then at worst waited for.
  const newest = await newestManifest(store, name, read);
  const bodies = new Map<string, number>();
  for await (const { key, bytes } of store.list(keys.shards(name), read)) bodies.set(key, bytes);

  const { plan } = run;
  const taken = plan.base?.shards ?? [];
  const total = plan.shards.length + taken.length;
  let done = 0;
  const progress = () => onProgress?.(++done, total);
  const largest = [...plan.shards, ...taken].reduce((most, { rows }) => Math.max(most, rows), 1) * plan.encoder.dimension * 4;
  const atOnce = Math.min(SHARDS_AT_ONCE, Math.max(1, Math.floor(BYTES_AT_ONCE / largest)));

  const ofParts = await checkParts(run, options);
  const isDone = (shard: number) => wasDone(store, name, shard, newest.number, { signal });
  const checked: CheckedShard[] = [];
  await concurrently(plan.shards, atOnce, async (part, index) => {
    signal?.throwIfAborted();
    checked[index] = await checkShard(part, { store, run, quick, isDone, signal });
    progress();
  });
  const lost: { readonly shard: ManifestShard; readonly finding: Finding | undefined }[] = [];
  await concurrently(taken, atOnce, async (shard, index) => {
    signal?.throwIfAborted();
    lost[index] = { shard, finding: await checkTaken(shard, run, options) };
    progress();
  });
  const strays = await unplanned(run, options);
  const ofVoids = await checkVoids(store, run.name, { signal });
  const findings: Finding[] = [
    ...ofParts,
    ...checked.flatMap((each) => each.findings),
    ...lost.flatMap(({ finding }) => finding ?? []),
    ...strays.map(({ finding }) => finding),
    ...ofVoids,
  ];

  const damaged = checked.filter((each) => each.findings.length > 0);
  const waiting = checked.filter((each) => each.findings.length === 0 && each.recordSha256 === null);
  const intact = checked.filter((each) => each.findings.length === 0 && each.recordSha256 !== null).map(({ record }) => record!);
  const manifest =
    intact.length === plan.shards.length && ofVoids.length === 0 ? await checkManifest(run, newest, intact, options) : undefined;
  if (manifest !== undefined && manifest !== 'due') findings.push(manifest);
  const named = new Set(checked.map(({ record }) => record?.key));
  const unnamed = [...bodies].filter(([key]) => !named.has(key));
  return {
    planned: run,
    records: new Map([...checked, ...strays].map(({ shard, recordSha256 }) => [shard, recordSha256])),
    report: {
      run: name,
      quick,
      shards: { planned: plan.shards.length, intact: intact.length, damaged: damaged.length, waiting: waiting.length },
      samples: { encoded: sum(intact.map(({ rows }) => rows)), rejected: sum(intact.map(({ rejected }) => rejected.length)) },
      bases: [...new Set(taken.map((shard) => shard.run!))].map((base) => {
        const own = lost.filter(({ shard }) => shard.run === base);
        return { run: base, shards: own.length, damaged: own.filter(({ finding }) => finding !== undefined).length };
      }),
      manifest: newest.number,
      manifestDue: manifest === 'due',
      bodiesWithoutRecord: { count: unnamed.length, bytes: sum(unnamed.map(([, bytes]) => bytes)) },
      findings,
    },
  };
}

const sum = (numbers: readonly number[]) => numbers.reduce((all, number) => all + number, 0);

async function openRun(
  store: ObjectStore,
  name: string,
  signal?: AbortSignal,
): Promise<{ readonly run: PlannedRun } | { readonly finding: Finding }> {
  const options = signal && { signal };
  try {
    return { run: await findPlannedRun(store, name, options) };
  } catch (error) {
    if (isShowtellError(error, 'MISSING_SHARDS') && (await listCommitted(store, name, options)).size > 0) {
      const message = 'the plan is gone, and commit records are there';
      return { finding: { what: 'missing', run: name, where: keys.plan(name), message, mend: 'operator', hint: FROM_A_COPY } };
    }
    // Read in one go: the message says which of the two it is.
    if (!isShowtellError(error, 'CORRUPT_OBJECT')) throw error;
    const where = error.message.includes(keys.runJson(name)) ? keys.runJson(name) : keys.plan(name);
    return { finding: { what: 'corrupt', run: name, where, message: error.message, mend: 'operator', hint: FROM_A_COPY } };
  }
}

function broken(run: string, quick: boolean, finding: Finding): Verification {
  const report: VerifyReport = {
    run,
    quick,
    shards: { planned: 0, intact: 0, damaged: 0, waiting: 0 },
    samples: { encoded: 0, rejected: 0 },
    bases: [],
    manifest: 0,
    manifestDue: false,
    bodiesWithoutRecord: { count: 0, bytes: 0 },
    findings: [finding],
  };
  return { report, planned: undefined, records: new Map() };
}

/** What belongs to no shard: the frozen request, the captions, and the weights without which nothing can be encoded again. */
async function checkParts(run: PlannedRun, { store, quick = false, signal }: VerifyOptions): Promise<Finding[]> {
  const options = signal && { signal };
  const { name, plan } = run;
  const findings: Finding[] = [];
  const add = (what: Finding['what'], where: string, message: string, hint = FROM_A_COPY) =>
    findings.push({ what, run: name, where, message, mend: 'operator', hint });
  const request = sha256((await store.get(keys.runJson(name), options))?.body ?? '');
  if (request !== plan.runSha256) add('corrupt', keys.runJson(name), `expected sha256 ${plan.runSha256} but received ${request}`);
  for (const captions of plan.captions) {
    const checked = await checkPart(store, captions, { quick, signal });
    if ('damage' in checked) add(checked.damage.what, captions.key, checked.damage.message);
  }
  const { weightsSha256 } = plan.encoder;
  const weights = quick
    ? (await store.head(keys.weights(weightsSha256), options)) && weightsSha256
    : await hashOf(store, weightsSha256, signal);
  const bring =
    weightsSha256 === run.request.weightsSha256
      ? 'Delete what is there and enqueue the run again, which puts them there.'
      : 'They were calibrated for this run: bring the object back from a copy of the store.';
  if (weights === undefined) add('missing', keys.weights(weightsSha256), 'the encoder is gone', bring);
  else if (weights !== weightsSha256) add('corrupt', keys.weights(weightsSha256), `the encoder has sha256 ${weights}`, bring);
  return findings;
}

async function hashOf(store: ObjectStore, weightsSha256: string, signal?: AbortSignal): Promise<string | undefined> {
  const stream = await store.stream(keys.weights(weightsSha256), signal && { signal });
  if (stream === undefined) return undefined;
  const hash = createHash('sha256');
  for await (const chunk of stream) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** A shard that was taken over: whether it is still what the plan of this run froze. Row by row the other run's own check looks at it. */
async function checkTaken(
  shard: ManifestShard,
  run: PlannedRun,
  { store, quick = false, signal }: VerifyOptions,
): Promise<Finding | undefined> {
  const hint =
    `Repair the run that encoded it: showtell verify ${shard.run} --repair. Where the same bytes come out this run is in order again; ` +
    `else plan it again, which encodes nothing that ${shard.run} has: showtell enqueue SOURCE --base ${shard.run} --run NAME.`;
  const finding = (what: Finding['what'], message: string): Finding => ({
    what,
    run: shard.run!,
    shard: shard.shard,
    where: shard.key,
    message,
    mend: 'base',
    hint,
  });
  const { key, bytes, sha256: expected } = shard;
  const checked = await checkPart(store, { key, bytes, sha256: expected }, { quick, signal });
  if ('damage' in checked) return finding(checked.damage.what, checked.damage.message);
  if (quick) return undefined;
  try {
    const table = await readShard(store, shard, run.plan.encoder.dimension, signal);
    const bad = notFinite(table);
    return bad.length === 0 ? undefined : finding('corrupt', `features are not finite, of ${bad.slice(0, 5).join(', ')}`);
  } catch (error) {
    if (!isShowtellError(error, 'CORRUPT_SHARD')) throw error;
    return finding('corrupt', error.message);
  }
}

/** Commit records of numbers that the plan has not. Nobody reads them, but they say that something went wrong. */
async function unplanned(run: PlannedRun, { store, signal }: VerifyOptions): Promise<Stray[]> {
  const options = signal && { signal };
  const strays: Stray[] = [];
  for (const shard of await listCommitted(store, run.name, options)) {
    if (isPlanned(run, { shard })) continue;
    const where = keys.commit(run.name, shard);
    const found = await store.get(where, options);
    if (found === undefined) continue;
    const message = `the plan has ${run.plan.shards.length} shards, and none of this number`;
    const finding: Finding = { what: 'unplanned', run: run.name, shard, where, message, mend: 'void' };
    strays.push({ shard, recordSha256: sha256(found.body), finding });
  }
  return strays;
}

interface Stray extends Pick<CheckedShard, 'shard' | 'recordSha256'> {
  readonly finding: Finding;
}

/** Whether the newest manifest says what the commit records say; `due` when the next one is only waited for. */
async function checkManifest(
  run: PlannedRun,
  { number, manifest }: NewestManifest,
  commits: readonly CommitRecord[],
  { store, signal }: VerifyOptions,
): Promise<Finding | 'due' | undefined> {
  if (number === 0) return 'due';
  const finding = (what: Finding['what'], message: string): Finding => ({
    what,
    run: run.name,
    where: keys.manifest(run.name, number),
    message,
    mend: 'manifest',
  });
  if (manifest === undefined) return finding('corrupt', 'the manifest cannot be read; trainings that froze it cannot go on');
  const repaired = await readRepaired(store, run, signal && { signal });
  if (!tellsOf(manifest, run, repaired)) return 'due';
  const records = new Map(commits.map((record) => [record.shard, record]));
  if (canonicalJson(manifest) === canonicalJson(buildManifest(run, records, number, repaired).manifest)) return undefined;
  return finding('stale', 'the manifest does not say what the commit records say');
}
