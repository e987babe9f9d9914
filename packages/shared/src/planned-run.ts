import { ShowtellError } from './errors';
import { keys, shardOfKey } from './keys';
import { namedFolders } from './named-folders';
import { isName } from './names';
import type { ObjectStore } from './object-store/object-store';
import { readRecord } from './read-record';
import { CONTROL_FORMAT, ControlRecord, NO_CONTROL } from './schema/control';
import { PLAN_FORMAT, PlanRecord } from './schema/plan';
import { RUN_FORMAT, RunRecord } from './schema/run';
import { CommitRecord, SHARD_FORMAT } from './schema/shard';

/** A run whose plan is committed. */
export interface PlannedRun {
  readonly name: string;
  readonly request: RunRecord;
  readonly plan: PlanRecord;
  /** sha256 of `plan.json`, which commit records and manifests name. */
  readonly planSha256: string;
}

interface Options {
  readonly signal?: AbortSignal;
}

export async function readRun(store: ObjectStore, run: string, options?: Options): Promise<RunRecord | undefined> {
  return (await readRecord(store, RunRecord, RUN_FORMAT, keys.runJson(run), options))?.record;
}

/** Names of all runs in the store. */
export function runNames(store: ObjectStore, options?: Options): Promise<string[]> {
  return namedFolders(store, keys.runs(), keys.runJson, options);
}

/** What to say of a name that no run has. */
export async function noSuchRun(store: ObjectStore, name: string, options?: Options): Promise<ShowtellError> {
  const names = await runNames(store, options);
  return new ShowtellError(
    'NOT_FOUND',
    `No run ${JSON.stringify(name)} in ${store.url}; ${names.length > 0 ? `there are: ${names.join(', ')}` : 'there is none yet'}`,
  );
}

/** @returns `undefined` when the run has no committed plan (yet). */
export async function readPlannedRun(store: ObjectStore, run: string, options?: Options): Promise<PlannedRun | undefined> {
  return (await load(store, run, options))?.planned;
}

/** The run that a person names. @throws ShowtellError `NOT_FOUND`, which lists the runs there are; `MISSING_SHARDS` when it is not planned yet. */
export async function findPlannedRun(store: ObjectStore, name: string, options?: Options): Promise<PlannedRun> {
  const run = isName(name) ? await readPlannedRun(store, name, options) : undefined;
  if (run !== undefined) return run;
  if (!isName(name) || (await readRun(store, name, options)) === undefined) throw await noSuchRun(store, name, options);
  throw new ShowtellError('MISSING_SHARDS', `Run ${name} has no plan yet`, { hint: 'Run the same `showtell enqueue` again.' });
}

async function load(
  store: ObjectStore,
  run: string,
  options?: Options,
): Promise<{ readonly planned: PlannedRun; readonly requestSha256: string } | undefined> {
  const key = keys.plan(run);
  const plan = await readRecord(store, PlanRecord, PLAN_FORMAT, key, options);
  if (plan === undefined) return undefined;
  const request = await readRecord(store, RunRecord, RUN_FORMAT, keys.runJson(run), options);
  if (request === undefined)
    throw new ShowtellError('CORRUPT_OBJECT', `${key} is there but ${keys.runJson(run)} is not`, { retryable: false });
  return {
    planned: { name: run, request: request.record, plan: plan.record, planSha256: plan.sha256 },
    requestSha256: request.sha256,
  };
}

/** Runs that share the workers take turns, so the plans of several are kept. */
const KEPT = 8;

/** Planned runs as a worker needs them: a large plan is read and parsed once, and again only when it is another one. */
export class PlannedRuns {
  readonly #store: ObjectStore;
  /** Those asked for last come last. */
  readonly #kept = new Map<string, { readonly etag: string; readonly run: PlannedRun }>();

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  /**
   * @throws ShowtellError `NOT_FOUND` when no such run is planned: jobs are added only after the plan, so it was removed. `CORRUPT_OBJECT` when
   * its request is no longer the one that was planned: photos would be looked for where they are not.
   */
  async get(name: string, options?: Options): Promise<PlannedRun> {
    const info = await this.#store.head(keys.plan(name), options);
    const kept = this.#kept.get(name);
    const run = kept && kept.etag === info?.etag ? kept.run : info && (await this.#load(name, options));
    this.#kept.delete(name);
    if (run === undefined) throw new ShowtellError('NOT_FOUND', `There is no plan of the run ${name} in ${this.#store.url}`);
    this.#kept.set(name, { etag: info!.etag, run });
    if (this.#kept.size > KEPT) this.#kept.delete(this.#kept.keys().next().value!);
    return run;
  }

  async #load(name: string, options?: Options): Promise<PlannedRun | undefined> {
    const found = await load(this.#store, name, options);
    const expected = found?.planned.plan.runSha256;
    if (found?.requestSha256 === expected) return found?.planned;
    throw new ShowtellError(
      'CORRUPT_OBJECT',
      `Expected sha256 ${expected} for ${keys.runJson(name)} in ${this.#store.url} but received ${found?.requestSha256}`,
      { retryable: false, hint: 'Bring the object back from a copy of the store.' },
    );
  }
}

/** What the operator wants of a run now: its state. */
export async function readControl(store: ObjectStore, run: string, options?: Options): Promise<ControlRecord['state']> {
  return (await readControlRecord(store, run, options)).record.state;
}

/** What the operator wants of a run now. `etag` is that of the record, `undefined` when there is none. */
export async function readControlRecord(
  store: ObjectStore,
  run: string,
  options?: Options,
): Promise<{ readonly record: ControlRecord; readonly etag: string | undefined }> {
  return (await readRecord(store, ControlRecord, CONTROL_FORMAT, keys.control(run), options)) ?? { record: NO_CONTROL, etag: undefined };
}

export async function isCommitted(store: ObjectStore, run: string, shard: number, options?: Options): Promise<boolean> {
  return (await store.head(keys.commit(run, shard), options)) !== undefined;
}

/** Numbers of the shards that are committed; of those that the plan has not, too. */
export async function listCommitted(store: ObjectStore, run: string, options?: Options): Promise<Set<number>> {
  const committed = new Set<number>();
  for await (const { key } of store.list(keys.commits(run), options)) {
    const shard = shardOfKey(key);
    // What somebody laid beside the records commits nothing.
    if (key === keys.commit(run, shard)) committed.add(shard);
  }
  return committed;
}

export async function readCommit(store: ObjectStore, run: string, shard: number, options?: Options): Promise<CommitRecord | undefined> {
  return (await readRecord(store, CommitRecord, SHARD_FORMAT, keys.commit(run, shard), options))?.record;
}

/** Numbers of the planned shards that are not committed. */
export function missingShards({ plan }: PlannedRun, committed: { has(shard: number): boolean }): number[] {
  return plan.shards.map(({ shard }) => shard).filter((shard) => !committed.has(shard));
}

/** The planned part of a shard, or `NOT_FOUND` when the plan has none of that number. */
export function planShard(run: PlannedRun, shard: number): PlanRecord['shards'][number] {
  const part = run.plan.shards[shard];
  if (part?.shard !== shard) throw new ShowtellError('NOT_FOUND', `The plan of the run ${run.name} has no shard ${shard}`);
  return part;
}
