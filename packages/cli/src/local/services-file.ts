import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readServices, WORK_FOLDER } from '@showtell/shared/config';
import { ShowtellError } from '@showtell/shared/errors';

/**
 * Writes where the services of this working folder are, for every other command to find them.
 * @returns what removes the file again. @throws `USAGE` when another `up` runs in this folder.
 */
export function writeServicesFile(cwd: string, services: { readonly redis: string; readonly dashboard: string }): () => void {
  const running = readServices(cwd);
  if (running !== undefined && running.pid !== process.pid) throw alreadyUp(running.pid);
  const path = join(cwd, WORK_FOLDER, 'services.json');
  mkdirSync(join(cwd, WORK_FOLDER), { recursive: true });
  // Only for its owner: the address holds a password. A file that is there keeps its mode, and a link would be followed.
  rmSync(path, { force: true });
  writeFileSync(path, `${JSON.stringify({ ...services, pid: process.pid }, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
  return () => rmSync(path, { force: true });
}

/** @throws `USAGE` when an `up` runs in this working folder. */
export function checkNotUp(cwd: string): void {
  const running = readServices(cwd);
  if (running !== undefined) throw alreadyUp(running.pid);
}

const alreadyUp = (pid: number) =>
  new ShowtellError('USAGE', `showtell up already runs in this folder (process ${pid})`, { hint: 'Use that one, or stop it first.' });
