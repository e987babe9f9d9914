import type { RunStatus } from '@showtell/ingest/admin/status';
import type { ShowtellError } from '@showtell/shared/errors';
import { queueNames } from '@showtell/shared/queue/queues';
import pc from 'picocolors';
import { formatReasons } from '../enqueue/print-report';
import { formatCount, formatSeconds, formatShare } from '../output/format';
import { formatTable } from '../output/table';
import { formatDevices, reportFacts } from './format-report';

const STATE_COLOURS: Record<RunStatus['state'], (text: string) => string> = {
  planning: pc.blue,
  running: pc.blue,
  incomplete: pc.yellow,
  complete: pc.green,
  paused: pc.yellow,
  cancelled: pc.yellow,
  failed: pc.red,
  lost: pc.red,
};

/** A run among others. */
export interface ListedRun extends RunStatus {
  /** Its part of the images that were encoded lately, 0 to 1, where it runs. */
  readonly share?: number | undefined;
}

/** A run of which a record that is needed is damaged. */
export interface UnreadableRun {
  readonly run: string;
  readonly error: ShowtellError;
}

/** All runs, one a line, and below them those that cannot be read. */
export function formatRuns(runs: readonly ListedRun[], unreadable: readonly UnreadableRun[] = []): string {
  if (unreadable.length > 0)
    return `${runs.length === 0 ? '' : `${formatRuns(runs)}\n`}${unreadable.map(({ run, error }) => `${pc.red('unreadable')} ${run}: ${error.message}\n`).join('')}`;
  if (runs.length === 0) return 'There is no run in this store yet. Make one: showtell enqueue SOURCE\n';
  const table = formatTable(
    ['run', 'state', 'priority', 'share', 'samples', 'done', 'rejected', 'rate', 'eta', 'source'],
    runs.map((status) => [
      status.run,
      STATE_COLOURS[status.state](status.state),
      status.priority,
      status.share === undefined ? '–' : formatShare(Math.round(100 * status.share), 100),
      status.samples.planned,
      doneShare(status),
      status.samples.rejected,
      rate(status),
      eta(status),
      status.source,
    ]),
  );
  if (runs.every(({ state }) => state === 'complete')) return table;
  if (runs.some(({ queues }) => queues === undefined)) return `${table}\n${NOT_ASKED}`;
  return runs.some(({ state, workers }) => state === 'running' && workers?.length === 0) ? `${table}\n${NO_WORKER}` : table;
}

const NOT_ASKED = `${pc.yellow('Redis was not asked (no address is set)')}, so whether anybody works on what is incomplete is not known\n`;
const NO_WORKER = `${pc.yellow('No worker is running')}: showtell up, or showtell worker ingest and showtell worker encoder\n`;

/** What to start for a run whose shards are prepared and encoded by nobody: workers of another precision leave them alone. */
export function noEncoder({ state, workers, request: { precision } }: RunStatus): string | undefined {
  const ingestAlone = workers !== undefined && workers.length > 0 && workers.every(({ stage }) => stage === 'ingest');
  if (state !== 'running' || !ingestAlone) return undefined;
  return `No worker encodes in ${precision}: start one with showtell worker encoder --precision ${precision}`;
}

/** One run with all that is known of it. */
export function formatRun(status: RunStatus): string {
  const {
    run,
    state,
    priority,
    source,
    request,
    encoder,
    shards,
    samples,
    splits,
    rejected,
    failures,
    waiting,
    lastCommit,
    queues,
    workers,
    report,
  } = status;
  const missing = noEncoder(status);
  const facts: [string, string][] = [
    ['State', `${STATE_COLOURS[state](state)}${halted(status)}`],
    ...(state === 'complete' ? [] : [['Priority', String(priority)] as [string, string]]),
    ['Source', source],
    ['Encoder', encoder === undefined ? '–' : `${encoder.encoder} ${encoder.precision}, weights ${encoder.weightsSha256.slice(0, 12)}`],
    [
      'Shards',
      `${formatCount(shards.committed)} of ${formatCount(shards.planned)} committed${shards.failed > 0 ? `, ${pc.red(`${shards.failed} failed`)}` : ''}`,
    ],
    ['Samples', `${formatCount(samples.committed)} of ${formatCount(samples.planned)} encoded (${doneShare(status)} done)`],
    ...(request.base === undefined
      ? []
      : [['Base', `${request.base}, ${formatCount(samples.takenOver)} of the samples taken over`] as [string, string]]),
    ['Rejected', samples.rejected === 0 ? '0' : `${formatCount(samples.rejected)} (${formatReasons(rejected)})`],
    ...(state === 'running' ? [['Rate', `${rate(status)}, done in ${eta(status)}`] as [string, string]] : []),
    ...(state === 'incomplete' && lastCommit !== undefined ? [['Last', `shard committed ${lastCommit}`] as [string, string]] : []),
    ...(status.manifest === undefined ? [] : [['Manifest', String(status.manifest)] as [string, string]]),
    ...(report === undefined ? [] : reportFacts(report)),
  ];
  return [
    `${pc.bold(run)}\n`,
    ...facts.map(([name, value]) => `  ${pc.dim(name.padEnd(9))} ${value}\n`),
    splits.length === 0
      ? ''
      : `\n${formatTable(
          ['split', 'planned', 'committed', 'rejected'],
          splits.map((split) => [split.split, split.planned, split.committed, split.rejected]),
        )}`,
    report === undefined || report.devices.length === 0 ? '' : `\n${formatDevices(report)}`,
    ...failures.map(({ shard, reason }) => `${pc.red('failed')} ${shard === undefined ? 'finalizing' : `shard ${shard}`}: ${reason}\n`),
    ...waiting.map(({ shard, reason }) => `${pc.yellow('waits')} shard ${shard}: ${reason}\n`),
    queues === undefined && state !== 'complete' ? `\n${NOT_ASKED}` : '',
    queues === undefined
      ? ''
      : `\n${formatTable(
          ['queue', 'waiting', 'active', 'delayed', 'failed'],
          Object.entries(queues).map(([name, counts]) => [
            name === 'encode' ? queueNames.encode(request.precision) : name,
            counts.waiting,
            counts.active,
            counts.delayed,
            counts.failed,
          ]),
        )}`,
    workers === undefined ? '' : `\n${formatWorkers(workers)}`,
    missing === undefined ? '' : `\n${pc.yellow(missing)}\n`,
  ].join('');
}

function formatWorkers(workers: NonNullable<RunStatus['workers']>): string {
  if (workers.length === 0) return NO_WORKER;
  return formatTable(
    ['worker', 'stage', 'device', 'images/s', 'images', 'at', 'last word'],
    workers.map(({ name, stage, device, rate: perSecond, images, jobs, silentSeconds }) => [
      name,
      stage ?? '?',
      device ?? '?',
      perSecond === undefined ? '?' : perSecond.toFixed(1),
      images === undefined ? '?' : formatCount(images),
      jobs === undefined ? '?' : formatJobs(jobs),
      silentSeconds === undefined ? pc.yellow('silent: its machine may be gone') : `${silentSeconds.toFixed(0)} s ago`,
    ]),
  );
}

/** `coco 17`, `coco 17 and 18`, `–`. */
function formatJobs(jobs: readonly { readonly run: string; readonly shard: number }[]): string {
  const runs = [...new Set(jobs.map(({ run }) => run))];
  const shardsOf = (name: string) => jobs.filter(({ run }) => run === name).map(({ shard }) => shard);
  return runs.map((run) => `${run} ${shardsOf(run).join(' and ')}`).join(', ') || '–';
}

/** What is to be done about a run that somebody has stopped. */
const halted = ({ state, run }: RunStatus) =>
  state === 'paused' || state === 'cancelled' ? pc.dim(` (showtell resume ${run} goes on with it)`) : '';
const doneShare = ({ samples }: RunStatus) => formatShare(samples.committed + samples.rejected, samples.planned);
const rate = ({ rate: images }: RunStatus) => (images === undefined ? '–' : `${images.toFixed(1)}/s`);
const eta = ({ etaSeconds }: RunStatus) => (etaSeconds === undefined ? '–' : formatSeconds(etaSeconds));
