import { isShowtellError, type ShowtellError } from '@showtell/shared/errors';
import { hideSecrets } from '@showtell/shared/secrets';
import pc from 'picocolors';
import { CHECKS, type CheckOptions } from './checks';

export interface Diagnosis {
  readonly check: string;
  readonly outcome: 'ok' | 'warning' | 'failed';
  readonly found: string;
  /** What to do about it. */
  readonly todo?: string;
  readonly error?: ShowtellError;
}

/** Runs every check, whatever the others found, telling each as it is done. */
export async function examine(options: CheckOptions, onDiagnosis: (diagnosis: Diagnosis) => void): Promise<Diagnosis[]> {
  const diagnoses: Diagnosis[] = [];
  for (const [check, run] of Object.entries(CHECKS)) {
    const diagnosis = await diagnose(check, run, options);
    options.signal.throwIfAborted();
    diagnoses.push(diagnosis);
    onDiagnosis(diagnosis);
  }
  return diagnoses;
}

async function diagnose(check: string, run: (typeof CHECKS)[string], options: CheckOptions): Promise<Diagnosis> {
  try {
    const found = await run(options);
    return { check, outcome: found.todo === undefined ? 'ok' : 'warning', ...found };
  } catch (error) {
    if (!isShowtellError(error)) throw error;
    return {
      check,
      outcome: 'failed',
      found: hideSecrets(error.message),
      ...(error.hint !== undefined && { todo: hideSecrets(error.hint) }),
      error,
    };
  }
}

const MARKS = { ok: pc.green('✓'), warning: pc.yellow('!'), failed: pc.red('✗') } as const;

export function formatDiagnosis({ check, outcome, found, todo, error }: Diagnosis): string {
  const code = error === undefined ? '' : `${pc.red(error.code)}: `;
  return `${MARKS[outcome]} ${pc.bold(check.padEnd(10))} ${code}${found}\n${todo === undefined ? '' : `             ${pc.yellow('→')} ${todo}\n`}`;
}

export function diagnosesAsJson(diagnoses: readonly Diagnosis[]): string {
  const rows = diagnoses.map(({ check, outcome, found, todo, error }) => ({ check, outcome, code: error?.code, found, todo }));
  return `${JSON.stringify(rows, null, 2)}\n`;
}
