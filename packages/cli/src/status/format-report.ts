import type { ReportRecord } from '@showtell/shared/schema/report';
import { formatBytes, formatSeconds } from '../output/format';
import { formatTable } from '../output/table';

/** What a complete run took, as lines of facts. */
export function reportFacts({
  from,
  to,
  wallSeconds,
  workerSeconds,
  encodeSeconds,
  sourceBytes,
  shardBytes,
}: ReportRecord): [name: string, value: string][] {
  if (from === null || to === null) return [['Took', 'nothing: its base had everything']];
  return [
    ['Took', `${formatSeconds(wallSeconds)}, from ${from} to ${to}`],
    ['Work', `${formatSeconds(workerSeconds)} of all workers together, ${formatSeconds(encodeSeconds)} of it in the encoder`],
    ['Bytes', `${formatBytes(sourceBytes)} of photos read, ${formatBytes(shardBytes)} of shards written`],
  ];
}

/** Which devices did it, and how fast. */
export function formatDevices({ devices }: ReportRecord): string {
  return formatTable(
    ['device', 'engine', 'precision', 'workers', 'images', 'time', 'images/s a worker'],
    devices.map(({ device, deviceName, engine, precision, workers, images, seconds, imagesPerSecond }) => [
      `${deviceName} (${device})`,
      engine,
      precision,
      workers,
      images,
      formatSeconds(seconds),
      imagesPerSecond === null ? '–' : imagesPerSecond.toFixed(1),
    ]),
  );
}
