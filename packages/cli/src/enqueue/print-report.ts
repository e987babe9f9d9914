import type { EnqueueReport } from '@showtell/ingest/admin/enqueue';
import pc from 'picocolors';
import { formatCount, plural } from '../output/format';
import { asJson, print } from '../output/print';
import { formatTable } from '../output/table';
import { formatEstimate } from './format-estimate';

/** What `enqueue` found and did. */
export function printEnqueueReport(report: EnqueueReport, json: boolean): void {
  print(json ? asJson(report) : formatEnqueueReport(report));
}

const CALIBRATION = {
  made: 'calibrated for this run',
  kept: 'as calibrated when the run was planned',
  base: 'as calibrated for the base',
  due: 'would be calibrated for this run',
} as const;

export function formatEnqueueReport(report: EnqueueReport): string {
  const { run, dryRun, existed, state, shards, splits, base } = report;
  const rejected = Object.values(report.samples.rejected).reduce((sum, count) => sum + count, 0);
  const rows: [string, string | number][] = [
    ['planned', shards.planned],
    ['committed', shards.committed],
    ['waiting', shards.waiting],
    ['failed', shards.failed],
    [dryRun ? 'to add' : 'added', shards.added],
  ];
  return [
    `${dryRun ? 'Would enqueue' : existed ? 'Run' : 'New run'} ${pc.bold(run)}${existed ? pc.dim(' (was planned before)') : ''}\n\n`,
    formatTable(
      ['split', 'samples', ...(base ? ['taken over'] : []), 'captions', 'shards'],
      splits.map(({ split, samples, takenOver, captions, shards: count }) => [
        split,
        samples,
        ...(base ? [takenOver] : []),
        captions,
        count,
      ]),
    ),
    ...(base === undefined ? [] : [`\nBase: ${plural(base.samples, 'sample')} of ${base.run} (manifest ${base.manifest}) taken over\n`]),
    `\nShards: ${rows.map(([name, count]) => `${formatCount(count as number)} ${name}`).join(', ')}\n`,
    ...(report.estimate === undefined ? [] : [formatEstimate(report.estimate, report.encoder)]),
    ...(report.calibration === undefined ? [] : [`Encoder: int8, ${CALIBRATION[report.calibration]}\n`]),
    ...(rejected > 0 ? [`Rejected: ${plural(rejected, 'photo')} (${formatReasons(report.samples.rejected)})\n`] : []),
    ...findingLines(report.findings).map((line) => `${pc.yellow('Note:')} ${line}\n`),
    ...(report.jobsNotSeen === undefined ? [] : [`${pc.yellow('Note:')} jobs in Redis were not looked at: ${report.jobsNotSeen}\n`]),
    ...(state === 'running'
      ? []
      : [
          `${pc.yellow('Note:')} the run is ${state}, so nothing ${dryRun ? 'would be' : 'was'} added: showtell resume ${run} goes on with it\n`,
        ]),
  ].join('');
}

/** `3 TRUNCATED, 1 TOO_LARGE`, the commonest first. */
export function formatReasons(rejected: Readonly<Record<string, number>>): string {
  return Object.entries(rejected)
    .sort(([, a], [, b]) => b - a)
    .map(([code, count]) => `${formatCount(count)} ${code}`)
    .join(', ');
}

function findingLines(findings: EnqueueReport['findings']): string[] {
  const listed = ({ count, examples }: { count: number; examples: readonly string[] }, what: (count: number) => string) =>
    count === 0 ? [] : [`${what(count)}, such as ${examples.slice(0, 3).join('; ')}`];
  const { duplicateImages, duplicateCaptions } = findings;
  return [
    ...(duplicateImages > 0 ? [`${plural(duplicateImages, 'duplicate image')} left out`] : []),
    ...(duplicateCaptions > 0 ? [`${plural(duplicateCaptions, 'duplicate caption')} left out`] : []),
    ...listed(findings.captionsWithoutImage, (count) => `${plural(count, 'caption')} without image`),
    ...listed(findings.imagesWithoutCaption, (count) => `${plural(count, 'image')} without caption`),
    ...listed(findings.imagesMissing, (count) => `${plural(count, 'listed image')} not in the source`),
    ...listed(findings.captionsRejected, (count) => `${plural(count, 'caption')} rejected`),
  ];
}
