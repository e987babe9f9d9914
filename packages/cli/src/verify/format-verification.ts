import type { RepairReport } from '@showtell/ingest/admin/repair';
import type { VerifyReport } from '@showtell/ingest/admin/verify';
import type { Finding } from '@showtell/ingest/verify/finding';
import pc from 'picocolors';
import { formatBytes, formatCount, plural } from '../output/format';

/** Findings that are printed; `--json` has all. */
const LISTED = 50;

export function formatVerification(report: VerifyReport): string {
  const { run, quick, shards, samples, bases, manifest, manifestDue, bodiesWithoutRecord: spare, findings } = report;
  const counts = [
    `${formatCount(shards.intact)} intact`,
    ...(shards.damaged > 0 ? [pc.red(`${formatCount(shards.damaged)} damaged`)] : []),
    ...(shards.waiting > 0 ? [`${formatCount(shards.waiting)} not encoded yet`] : []),
  ];
  const found = findings.slice(0, LISTED);
  return [
    `${pc.bold(run)}: ${plural(shards.planned, 'shard')}, ${counts.join(', ')}${quick ? pc.dim(' (presence and size only)') : ''}\n`,
    `Samples: ${formatCount(samples.encoded)} encoded, ${formatCount(samples.rejected)} rejected\n`,
    ...bases.map(
      ({ run: base, shards: taken, damaged }) =>
        `Of ${base}: ${plural(taken, 'shard')}, ${damaged === 0 ? 'intact' : pc.red(`${damaged} damaged`)}\n`,
    ),
    `Manifest: ${manifest === 0 ? 'none yet' : manifest}${manifestDue ? ', the next one is due' : ''}\n`,
    spare.count === 0
      ? ''
      : pc.dim(
          `Beside them ${plural(spare.count, 'body', 'bodies')} without a commit record, ${formatBytes(spare.bytes)}: no damage, and gc's where nothing else names them\n`,
        ),
    findings.length === 0 ? `${pc.green('No damage')}\n` : '\n',
    ...found.map(formatFinding),
    findings.length > LISTED ? `… and ${plural(findings.length - LISTED, 'finding')} more (--json lists all)\n` : '',
  ].join('');
}

function formatFinding({ what, run, shard, where, message, mend, hint }: Finding): string {
  const place = shard === undefined ? '' : mend === 'base' ? `shard ${shard} of ${run}  ` : `shard ${shard}  `;
  const how = hint === undefined ? '' : `  ${pc.dim(hint)}\n`;
  return `${pc.red(what.padEnd(10))} ${place}${where}\n  ${message}\n${how}`;
}

/** What a repair did, and what happens next. */
export function formatRepair(report: VerifyReport, repaired: RepairReport | undefined): string {
  const { run } = report;
  if (repaired === undefined) return '\nNothing was changed: without its plan nothing of the run can be encoded again.\n';
  const { voided, left, jobs } = repaired;
  const strays = voided.filter(({ reason, shard }) => reason === 'unplanned' && shard >= report.shards.planned).length;
  const again = voided.length - strays;
  const missing = jobs.planned - jobs.committed;
  const next =
    jobs.state !== 'running'
      ? `The run is ${jobs.state}: what is missing is encoded once it goes on, after showtell resume ${run}\n`
      : missing > 0 || again > 0 || report.manifestDue || report.findings.some(({ mend }) => mend === 'manifest')
        ? `Next: ${missing > 0 ? `workers encode ${plural(missing, 'shard')}, then ` : ''}manifest ${report.manifest + 1} is written${again > 0 ? ' and tells of it' : ''}. showtell status ${run} --watch\n`
        : 'Nothing is left to do.\n';
  return [
    '\n',
    again > 0 ? `Repair: ${plural(again, 'shard')} taken back; the records are kept in runs/${run}/void/\n` : '',
    strays > 0 ? `Repair: ${plural(strays, 'record')} of unplanned shards taken away; kept in runs/${run}/void/\n` : '',
    left.length > 0 ? `Left alone: ${plural(left.length, 'shard')} that somebody else was mending meanwhile\n` : '',
    jobs.added > 0 ? `Jobs: ${formatCount(jobs.added)} added, ${formatCount(jobs.waiting)} were there\n` : '',
    next,
  ].join('');
}
