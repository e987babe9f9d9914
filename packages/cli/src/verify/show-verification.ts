import { type RepairReport, repairRun } from '@showtell/ingest/admin/repair';
import { type Verification, type VerifyReport, verifyRun } from '@showtell/ingest/admin/verify';
import { ShowtellError } from '@showtell/shared/errors';
import { openQueues } from '@showtell/shared/queue/open-queues';
import type { VerifyFlags } from '../commands/verify';
import type { CommandContext } from '../context';
import { plural } from '../output/format';
import { asJson, print } from '../output/print';
import { progressOfSteps } from '../output/steps-progress';
import { formatRepair, formatVerification } from './format-verification';

const LABELS = { verify: 'Verifying shards', repair: 'Taking records away' } as const;

/**
 * Prints what a run's check found, and with `repair` what was done about it.
 * @throws ShowtellError `RUN_DAMAGED` after it was printed, when there is damage, or with `repair` some that could not be mended;
 * errors as of `verifyRun` and `repairRun`.
 */
export async function showVerification(context: CommandContext, run: string, flags: VerifyFlags): Promise<void> {
  const { quick = false, repair = false, wait = false, json = false } = flags;
  if (wait && !repair) throw new ShowtellError('USAGE', 'Expected --repair with --wait: verifying alone changes nothing to wait for');
  const bars = progressOfSteps(LABELS);
  const { store, signal } = context;
  const onProgress = (step: keyof typeof LABELS) => (done: number, total: number) => bars.update({ step, done, total });
  const verification = await verifyRun({ store, run, quick, signal, onProgress: onProgress('verify') }).finally(bars.end);
  const { report } = verification;
  if (!repair) {
    print(json ? asJson(report) : formatVerification(report));
    if (report.findings.length > 0) throw damaged(report);
    return;
  }
  if (!json) print(formatVerification(report));
  const repaired = await mend(context, verification, onProgress('repair')).finally(bars.end);
  print(json ? asJson({ ...report, repair: repaired ?? null }) : formatRepair(report, repaired));
  const { waitForRun } = await import('../status/wait-for-run.js');
  if (wait && repaired !== undefined) await waitForRun(context, run);
  if (repaired === undefined || repaired.unmended.length > 0) throw unmended(report);
}

async function mend(
  { store, settings, logger, shutdown, signal }: CommandContext,
  verification: Verification,
  onProgress: (done: number, total: number) => void,
): Promise<RepairReport | undefined> {
  // Nothing can be done for a run whose plan cannot be read.
  if (verification.planned === undefined) return undefined;
  const { queues } = await openQueues(settings, logger, shutdown);
  await store.probe({ signal });
  return repairRun(verification, { store, queues, logger, signal, onProgress });
}

function damaged({ run, findings, shards }: VerifyReport): ShowtellError {
  const mendable = findings.filter(({ mend: how }) => how === 'encode' || how === 'void' || how === 'manifest').length;
  const message = `The run ${run} is damaged: ${plural(findings.length, 'finding')}, ${shards.damaged} of ${shards.planned} shards`;
  return new ShowtellError(
    'RUN_DAMAGED',
    message,
    mendable === 0
      ? {}
      : { hint: `showtell verify ${run} --repair mends ${mendable === findings.length ? 'all of it' : `${mendable} of them`}.` },
  );
}

function unmended({ run, findings }: VerifyReport): ShowtellError {
  const left = findings.filter(({ mend: how }) => how === 'operator' || how === 'base');
  return new ShowtellError('RUN_DAMAGED', `${plural(left.length, 'finding')} of the run ${run} cannot be mended by encoding again`, {
    hint: left[0]?.hint ?? 'See what is said of each.',
  });
}
