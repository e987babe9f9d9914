import type { PlannedRun } from '@showtell/shared/planned-run';
import { takenOver } from '@showtell/shared/schema/plan';
import { type DeviceReport, REPORT_FORMAT, type ReportRecord } from '@showtell/shared/schema/report';
import type { CommitRecord } from '@showtell/shared/schema/shard';
import { countRejections } from './commits';

/** What a complete run took, beside its manifest of that number. Pure: the same plan and commits give the same record. */
export function buildReport({ name, plan }: PlannedRun, commits: ReadonlyMap<number, CommitRecord>, manifest: number): ReportRecord {
  const records = plan.shards.flatMap(({ shard }) => commits.get(shard) ?? []);
  const spans = records.map(spanOf);
  const from = spans.reduce((first, span) => Math.min(first, span.from), Number.POSITIVE_INFINITY);
  const to = spans.reduce((last, span) => Math.max(last, span.to), Number.NEGATIVE_INFINITY);
  const devices = groups(records, ({ execution: { device, deviceName, engine } }) => `${deviceName}\n${device}\n${engine}`).map((own) =>
    reportDevice(own, plan.encoder.precision),
  );
  const empty = records.length === 0;
  return {
    formatVersion: REPORT_FORMAT,
    run: name,
    manifest,
    encoder: plan.encoder,
    images: sum(records.map(({ rows }) => rows)),
    takenOver: takenOver(plan),
    rejected: countRejections(records),
    from: empty ? null : new Date(from).toISOString(),
    to: empty ? null : new Date(to).toISOString(),
    wallSeconds: empty ? 0 : seconds(to - from),
    workerSeconds: round(sum(devices.map((device) => device.seconds))),
    encodeSeconds: round(sum(records.map(({ execution }) => execution.encodeSeconds))),
    sourceBytes: sum(records.map(({ execution }) => execution.sourceBytes ?? 0)),
    shardBytes: sum(records.map(({ bytes }) => bytes)),
    devices,
  };
}

function reportDevice(records: readonly CommitRecord[], precision: DeviceReport['precision']): DeviceReport {
  const { device, deviceName, engine } = records[0]!.execution;
  const workers = groups(records, ({ execution }) => execution.worker);
  const images = sum(records.map(({ rows }) => rows));
  const busy = seconds(sum(workers.map((own) => covered(own.map(spanOf)))));
  return {
    device,
    deviceName,
    precision,
    engine,
    workers: workers.length,
    images,
    seconds: busy,
    imagesPerSecond: busy === 0 ? null : round(images / busy),
  };
}

interface Span {
  /** Milliseconds, by the worker's clock. */
  readonly from: number;
  readonly to: number;
}

function spanOf({ execution: { at, seconds: took } }: CommitRecord): Span {
  const to = Date.parse(at);
  return { from: to - Math.round(took * 1_000), to };
}

/** Milliseconds in at least one of the spans: a worker prepares a shard while it encodes another. */
function covered(spans: readonly Span[]): number {
  let [total, end] = [0, Number.NEGATIVE_INFINITY];
  for (const { from, to } of spans.toSorted((a, b) => a.from - b.from)) {
    total += Math.max(0, to - Math.max(from, end));
    end = Math.max(end, to);
  }
  return total;
}

/** Records of equal keys together, by their keys. */
function groups(records: readonly CommitRecord[], keyOf: (record: CommitRecord) => string): (readonly CommitRecord[])[] {
  const found = new Map<string, CommitRecord[]>();
  for (const record of records) {
    const own = found.get(keyOf(record));
    if (own) own.push(record);
    else found.set(keyOf(record), [record]);
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, own]) => own);
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);
const seconds = (milliseconds: number) => milliseconds / 1_000;
/** Sums of such numbers have digits that mean nothing. */
const round = (number: number) => Math.round(number * 1_000) / 1_000;
