import { collectGarbage, type GarbageReport, LEAST_AGE_SECONDS } from '@showtell/ingest/admin/collect-garbage';
import { ShowtellError } from '@showtell/shared/errors';
import type { GcFlags } from '../commands/gc';
import type { CommandContext } from '../context';
import { plural } from '../output/format';
import { asJson, print, tell } from '../output/print';
import { progressOfSteps } from '../output/steps-progress';
import { formatGarbage } from './format-garbage';

const LABELS = { read: 'Reading records', delete: 'Deleting' } as const;

/**
 * Prints what nothing refers to, deleted or not.
 * @throws ShowtellError `CORRUPT_OBJECT` after it was printed, when records cannot be read or deleted objects are missed.
 */
export async function showGarbage({ store, signal }: CommandContext, flags: GcFlags): Promise<void> {
  const { olderThan = LEAST_AGE_SECONDS, force = false, json = false } = flags;
  if (flags.delete && force && olderThan < LEAST_AGE_SECONDS)
    tell('Warning: whatever is writing to the store right now may lose what it has not committed yet\n');
  const bars = progressOfSteps(LABELS);
  const report = await collectGarbage({
    store,
    remove: flags.delete ?? false,
    olderThanSeconds: olderThan,
    force,
    signal,
    onProgress: bars.update,
  }).finally(bars.end);
  print(json ? asJson(report) : formatGarbage(report));
  complain(report);
}

function complain({ unreadable, deleted }: GarbageReport): void {
  const { missed = [] } = deleted ?? {};
  if (missed.length > 0)
    throw new ShowtellError(
      'CORRUPT_OBJECT',
      `A record came to name ${plural(missed.length, 'object')} in the moment of deletion: ${missed.slice(0, 20).join(', ')}`,
      { hint: 'Weights come back when the run is enqueued again, shards by: showtell verify RUN --repair' },
    );
  if (unreadable.length > 0)
    throw new ShowtellError(
      'CORRUPT_OBJECT',
      `${plural(unreadable.length, 'record')} cannot be read: ${unreadable
        .slice(0, 20)
        .map(({ key }) => key)
        .join(', ')}`,
      {
        hint: 'Nothing that they may name was deleted. Bring them back from a copy of the store, or remove what they belong to: showtell rm RUN, showtell rm --training NAME',
      },
    );
}
