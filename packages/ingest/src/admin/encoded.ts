import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { listCommitted, missingShards, type PlannedRun } from '@showtell/shared/planned-run';
import type { ManifestRecord } from '@showtell/shared/schema/manifest';
import type { ReportRecord } from '@showtell/shared/schema/report';
import type { CommitRecord } from '@showtell/shared/schema/shard';
import { countRejections, readCommits } from '../commits';
import { newestTold } from '../manifest';
import { readReport } from '../read-report';
import { isPlanned } from '../voids';

/** What is encoded of a run's own shards. */
export interface Encoded {
  readonly shards: readonly { readonly shard: number; readonly split: string; readonly rows: number; readonly rejected: number }[];
  /** By reason. */
  readonly rejected: Readonly<Record<string, number>>;
  /** Images a second, by the workers' clocks: lately, or of a complete run all in all. */
  readonly rate: number | undefined;
  /** When the latest shard was committed, by its worker's clock. */
  readonly lastCommit: string | undefined;
}

export interface ReadEncoded extends Encoded {
  /** The newest; `told`: whether it tells of every shard that was taken away until now. */
  readonly manifest: { readonly number: number; readonly told: boolean } | undefined;
  /** Of a complete run. */
  readonly report: ReportRecord | undefined;
}

export interface ReadEncodedOptions {
  /** Commit records of an earlier call, which are not read again; changed to those there are now. */
  readonly known?: Map<number, CommitRecord>;
  readonly signal?: AbortSignal;
}

/** What the store says of a run, or of one without a plan: of a complete run a few objects, of any other one a commit record a shard. */
export async function readEncoded(
  store: ObjectStore,
  run: PlannedRun | undefined,
  { known = new Map<number, CommitRecord>(), signal }: ReadEncodedOptions = {},
): Promise<ReadEncoded> {
  if (run === undefined) return { ...encodedByCommits([]), manifest: undefined, report: undefined };
  const read = signal && { signal };
  const { number, manifest, told } = await newestTold(store, run, read);
  const newest = number === 0 ? undefined : { number, told };
  if (manifest && told && missingShards(run, await listCommitted(store, run.name, read)).length === 0) {
    const report = manifest.report && (await readReport(store, manifest.report.key, read));
    if (report !== undefined) return { ...encodedByManifest(run, manifest, report), manifest: newest, report };
  }
  const commits = await readCommits(store, run.name, { known, ...read });
  // What a repair took away comes back as another record.
  known.clear();
  for (const [shard, record] of commits) if (isPlanned(run, { shard })) known.set(shard, record);
  return { ...encodedByCommits(known.values()), manifest: newest, report: undefined };
}

/** Of a complete run: its manifest and report say in two objects what its commit records say in thousands. */
export function encodedByManifest({ plan }: PlannedRun, manifest: ManifestRecord, report: ReportRecord): Encoded {
  // Those of a base come first.
  const shards = manifest.shards.slice(plan.base?.shards.length ?? 0);
  const images = shards.reduce((sum, { rows, rejected }) => sum + rows + rejected, 0);
  return {
    shards,
    rejected: manifest.rejected,
    rate: report.wallSeconds > 0 ? images / report.wallSeconds : undefined,
    lastCommit: report.to ?? undefined,
  };
}

/** Of any run. */
export function encodedByCommits(commits: Iterable<CommitRecord>): Encoded {
  const records = [...commits];
  return {
    shards: records.map(({ shard, split, rows, rejected }) => ({ shard, split, rows, rejected: rejected.length })),
    rejected: countRejections(records),
    rate: rateOf(records),
    lastCommit: records
      .map(({ execution }) => execution.at)
      .sort()
      .at(-1),
  };
}

/** Commits over which the rate is taken. */
const RATE_COMMITS = 20;

/** Over the last commits, from when the first of them began: the rate of all workers together. */
function rateOf(records: readonly CommitRecord[]): number | undefined {
  const last = records
    .map(({ execution, rows, rejected }) => ({ at: Date.parse(execution.at), seconds: execution.seconds, images: rows + rejected.length }))
    .sort((a, b) => a.at - b.at)
    .slice(-RATE_COMMITS);
  const begin = Math.min(...last.map(({ at, seconds }) => at - seconds * 1_000));
  const span = (last.at(-1)?.at ?? 0) - begin;
  return last.length > 0 && span > 0 ? (last.reduce((sum, { images }) => sum + images, 0) * 1_000) / span : undefined;
}
