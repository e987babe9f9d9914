import type { ShowtellError } from '@showtell/shared/errors';
import pc from 'picocolors';
import { printable } from './output/printable';

/** Tells of one photo that was left out, while the others go on. */
export function reportRejected(path: string, { code, message }: ShowtellError): void {
  process.stderr.write(printable(`${pc.yellow(code)}: ${path}: ${message}\n`));
}
