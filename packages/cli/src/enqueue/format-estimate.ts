import type { EnqueueReport } from '@showtell/ingest/admin/enqueue';
import { formatBytes, formatCount, formatSeconds, plural } from '../output/format';
import { formatTable } from '../output/table';

export interface EstimatedEncoder {
  /** What `--weights` was given. */
  readonly weights: string;
  readonly encoder: string;
  readonly precision: string;
}

type Estimate = NonNullable<EnqueueReport['estimate']>;

/** What a dry run knows of time, storage and requests. */
export function formatEstimate({ photos, sourceBytes, times, storage, requests }: Estimate, encoder: EstimatedEncoder): string {
  const { source, store } = requests;
  const size = `Storage: ${formatBytes(storage.total)} (shards ${formatBytes(storage.shards)}, captions ${formatBytes(storage.captions)}, plan ${formatBytes(storage.plan)}, records ${formatBytes(storage.records)})\n`;
  if (photos === 0) return `\nNothing is left to encode\n${size}`;
  return [
    `\nPhotos: ${formatCount(photos)} to encode, ${formatBytes(sourceBytes)} to read\n`,
    size,
    `Requests: ${formatCount(source.gets)} GET to the source; ${formatCount(store.puts)} PUT, ${formatCount(store.gets)} GET and ${formatCount(store.heads)} HEAD to the store\n`,
    times.length === 0 ? unmeasured(encoder) : `\n${formatTimes(times)}`,
  ].join('');
}

function formatTimes(times: Estimate['times']): string {
  const workers = times[0]!.seconds.map((entry) => entry.workers);
  return formatTable(
    ['device', 'images/s a worker', 'measured on', ...workers.map((count) => plural(count, 'worker'))],
    times.map(({ device, deviceName, imagesPerSecond, images, runs, seconds }) => [
      `${deviceName} (${device})`,
      imagesPerSecond.toFixed(1),
      `${plural(images, 'image')} of ${plural(runs, 'run')}`,
      ...seconds.map((entry) => formatSeconds(entry.seconds)),
    ]),
  );
}

const unmeasured = ({ weights, encoder, precision }: EstimatedEncoder) =>
  `Time: not known, since no run of ${encoder} in ${precision} has ended in this store. A small one measures it: showtell enqueue synthetic:200${
    weights === 'bundled' ? '' : ` --weights ${weights}`
  }${precision === 'float32' ? '' : ` --precision ${precision}`} --wait\n`;
