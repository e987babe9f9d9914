import { isShowtellError } from '@showtell/shared/errors';
import { CodeCoverage } from './code-coverage';
import type { Batch, Tried, Wrong } from './fuzz-messages';
import { Finding, type FuzzTarget, type Verdict } from './fuzz-target';
import { TARGETS, type TargetName } from './targets';

/** The process in which inputs are read: it may die, or never end. Argument: the target. */
async function main(): Promise<void> {
  const target = await TARGETS[process.argv[2] as TargetName]();
  const coverage = new CodeCoverage(target.covers);
  let reached = 0;
  const words = new Set(['']);
  const answer = async ({ inputs, whole }: Batch) => {
    const outcomes: (Verdict | Wrong)[] = [];
    const grown: number[] = [];
    for (const [index, input] of inputs.entries()) {
      const known = words.size;
      outcomes.push(await read(target, input, whole, (message) => words.add(target.tells?.(message) ?? '')));
      if (words.size > known) grown.push(index);
    }
    // Which of them it was is asked when it was one of them, which becomes rare soon.
    if (coverage.grown(false) > 0)
      for (const [index, input] of inputs.entries()) {
        await read(target, input, whole);
        const more = coverage.grown(true);
        if (more > 0 && !grown.includes(index)) grown.push(index);
        reached += more;
      }
    const peak = process.resourceUsage().maxRSS * 1_024;
    process.send!({ outcomes, grown, reached, peak } satisfies Tried);
  };
  process.on('message', (batch: Batch) => void answer(batch));
  process.on('disconnect', () => process.exit());
  process.send!('ready');
}

async function read(
  target: FuzzTarget,
  input: Uint8Array,
  whole: boolean,
  onRefusal?: (message: string) => void,
): Promise<Verdict | Wrong> {
  const bytes = Buffer.from(input);
  try {
    return await (whole && target.confirm ? target.confirm(bytes) : target.check(bytes));
  } catch (error) {
    if (isShowtellError(error) && error.code !== 'BUG') {
      onRefusal?.(error.message);
      return 'refused';
    }
    const { message, stack } = error instanceof Error ? error : new Error(String(error));
    return { kind: error instanceof Finding ? 'accepted' : 'error', message, stack };
  }
}

void main();
