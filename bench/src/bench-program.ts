import { isShowtellError, ShowtellError } from '@showtell/shared/errors';

/** Runs a bench to its end; what it throws is printed with what to do, and is its exit code. */
export function runBench(main: () => Promise<void>): void {
  main().catch((error: unknown) => {
    const shown = isShowtellError(error)
      ? `${error.code}: ${error.message}${error.hint ? `\n  hint: ${error.hint}` : ''}`
      : String(error instanceof Error ? error.stack : error);
    process.stderr.write(`${shown}\n`);
    process.exitCode = isShowtellError(error) ? error.exitCode : 1;
  });
}

/** @throws ShowtellError `USAGE` */
export function wholeNumberOf(flag: string, text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 1) return number;
  throw new ShowtellError('USAGE', `Expected a positive whole number for --${flag} but received ${text}`);
}
