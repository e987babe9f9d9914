import type { ShowtellError } from '@showtell/shared/errors';
import pc from 'picocolors';
import { tell } from './output/print';

/** Tells of one photo that was left out, while the others go on. */
export function reportRejected(path: string, { code, message }: ShowtellError): void {
  tell(`${pc.yellow(code)}: ${path}: ${message}\n`);
}
