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

/** From nothing to an hour. @throws ShowtellError `USAGE` */
export function secondsOf(flag: string, text: string): number {
  const seconds = Number(text);
  if (text.trim() !== '' && seconds >= 0 && seconds <= 3_600) return seconds;
  throw new ShowtellError('USAGE', `Expected seconds from 0 to 3600 for --${flag} but received ${text}`);
}
