import type { PixelFigures } from './scale-pixels';
import type { PlanFigures } from './scale-plans';
import type { ScaleFigures } from './scale-point';
import { limitOf } from './scale-usage';

/** Photos of a shard as `enqueue` makes it: those that a shard of the bench stands for. */
export const SHARD_ROWS = 512;

export interface Table {
  readonly head: readonly string[];
  readonly body: readonly (readonly string[])[];
}

const percent = (share: number, digits = 0) => (Number.isNaN(share) ? '–' : `${(share * 100).toFixed(digits)} %`);
const count = (number: number) => Math.round(number).toLocaleString('en-US');
const decimals = (number: number) => number.toFixed(number < 10 ? 2 : 1);
const megabytes = (bytes: number) => `${count(bytes / 1e6)} MB`;

/** How much of `N × one worker` is reached, the first row being the measure. */
export function efficiencies(figures: readonly Pick<ScaleFigures, 'workers' | 'shardsPerSecond'>[]): number[] {
  const one = figures[0]!.shardsPerSecond / figures[0]!.workers;
  return figures.map(({ workers, shardsPerSecond }) => shardsPerSecond / (workers * one));
}

export function workersTable(figures: readonly ScaleFigures[]): Table {
  const efficiency = efficiencies(figures);
  return {
    head: ['workers', 'shards/s', 'images/s', 'efficiency', 'Redis', 'S3 server', 'ingest', 'encoder workers', 'all processors', 'limit'],
    body: figures.map(({ workers, shardsPerSecond, busy, ...more }, index) => [
      String(workers),
      decimals(shardsPerSecond),
      count(shardsPerSecond * SHARD_ROWS),
      percent(efficiency[index]!, 1),
      percent(busy.redis, 1),
      percent(busy.objects),
      percent(busy.ingest),
      percent(busy.encoder),
      percent(busy.machine),
      limitOf({ busy, ...more }),
    ]),
  };
}

export function pixelsTable(figures: readonly PixelFigures[]): Table {
  const bare = (bytes: number, busy: number) => (bytes === 0 ? ['–', '–'] : [`${megabytes(bytes)}/s`, percent(busy)]);
  return {
    head: ['pixels', 'alone', "Redis' processor", 'images/s', 'pixels/s', 'Redis', 'ingest', 'encoder workers', 'all processors', 'limit'],
    body: figures.map(({ setup, bareBytesPerSecond, bareBusy, images, pipeline: { pixelBytesPerSecond, busy, ...more } }) => [
      setup,
      ...bare(bareBytesPerSecond, bareBusy),
      count(images),
      megabytes(pixelBytesPerSecond),
      percent(busy.redis + busy.pixels),
      percent(busy.ingest),
      percent(busy.encoder),
      percent(busy.machine),
      limitOf({ busy, ...more }),
    ]),
  };
}

/** A row a verb: seconds, and for a thousand shards, which do not grow where it is linear. */
export function plansTable(figures: readonly PlanFigures[]): Table {
  const steps = figures[0]!.steps.map(({ step }) => step);
  const of = ({ shards, steps: own }: PlanFigures, index: number) => {
    const { seconds, rss } = own[index]!;
    return [decimals(seconds), ((seconds / shards) * 1_000).toFixed(2), megabytes(rss)];
  };
  return {
    head: ['verb', ...figures.flatMap(({ shards }) => [`${count(shards)} shards, s`, 's per 1,000', 'memory'])],
    body: [
      ...steps.map((step, index) => [step, ...figures.flatMap((own) => of(own, index))]),
      [
        'jobs in Redis',
        ...figures.flatMap(({ shards, redisBytes }) => ['', `${count(redisBytes / shards)} B a shard`, megabytes(redisBytes)]),
      ],
    ],
  };
}

export function tableMarkdown({ head, body }: Table, conditions: string): string {
  const rule = head.map((_, column) => (column === 0 ? '---' : '---:'));
  return `${[head, rule, ...body].map((cells) => `| ${cells.join(' | ')} |`).join('\n')}\n\n${conditions}`;
}
