import { concurrently } from '@showtell/shared/concurrently';
import { keys } from '@showtell/shared/keys';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { runNames } from '@showtell/shared/planned-run';
import type { EncoderIdentity } from '@showtell/shared/schema/encoder-identity';
import type { DeviceReport, ReportRecord } from '@showtell/shared/schema/report';
import type { MeasuredRate } from '../plan/estimate';
import { readReport } from '../read-report';

/** Runs looked at at once. */
const LOOKED_AT_ONCE = 16;

/** How fast one worker on each device was over the reports of all runs of the same encoder and precision; those measured most come first. */
export async function measuredRates(
  store: ObjectStore,
  encoder: EncoderIdentity,
  options?: { readonly signal?: AbortSignal },
): Promise<MeasuredRate[]> {
  const reports: ReportRecord[] = [];
  await concurrently(await runNames(store, options), LOOKED_AT_ONCE, async (run) => {
    const report = await newestReport(store, run, options);
    if (report !== undefined && isSpeedOf(report.encoder, encoder)) reports.push(report);
  });
  return ratesOf(reports);
}

/** Weights of the same shape take the same time. */
const isSpeedOf = (measured: EncoderIdentity, wanted: EncoderIdentity) =>
  measured.encoder === wanted.encoder && measured.precision === wanted.precision && measured.dimension === wanted.dimension;

async function newestReport(
  store: ObjectStore,
  run: string,
  options?: { readonly signal?: AbortSignal },
): Promise<ReportRecord | undefined> {
  const newest = { number: 0, key: '' };
  // Of a number there may be another that no manifest names. It tells of the same run as well, and manifests are large.
  for await (const { key } of store.list(keys.reports(run), options)) {
    const number = Number(/\/(\d+)-[^/]+$/.exec(key)?.[1] ?? 0);
    if (number > newest.number) Object.assign(newest, { number, key });
  }
  return newest.number === 0 ? undefined : readReport(store, newest.key, options);
}

/** Pure. */
export function ratesOf(reports: readonly Pick<ReportRecord, 'devices'>[]): MeasuredRate[] {
  const byDevice = new Map<string, DeviceReport[]>();
  for (const device of reports.flatMap(({ devices }) => devices)) {
    const key = `${device.deviceName}\n${device.device}\n${device.engine}`;
    byDevice.set(key, [...(byDevice.get(key) ?? []), device]);
  }
  return [...byDevice.values()]
    .map((measured) => {
      const [{ device, deviceName, engine }] = measured as [DeviceReport];
      const images = sum(measured.map((own) => own.images));
      const seconds = sum(measured.map((own) => own.seconds));
      return { device, deviceName, engine, imagesPerSecond: images / seconds, images, runs: measured.length };
    })
    .filter(({ imagesPerSecond }) => imagesPerSecond > 0 && Number.isFinite(imagesPerSecond))
    .sort((a, b) => b.images - a.images || (a.deviceName < b.deviceName ? -1 : 1));
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);
