import { printable } from './printable';

/** Writes what a command answers, for people or as JSON, to standard output. */
export function print(text: string): void {
  process.stdout.write(printable(text));
}

/** Writes what happens meanwhile to standard error. */
export function tell(text: string): void {
  process.stderr.write(printable(text));
}

/** An answer as JSON. */
export const asJson = (answer: unknown) => `${JSON.stringify(answer, null, 2)}\n`;
