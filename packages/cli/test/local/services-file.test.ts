import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readServices } from '@showtell/shared/config';
import { writeServicesFile } from '../../src/local/services-file';

let cwd: string;
let path: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'showtell-services-'));
  mkdirSync(join(cwd, '.showtell'));
  path = join(cwd, '.showtell', 'services.json');
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

const services = { redis: 'redis://:password@127.0.0.1:1', dashboard: 'http://127.0.0.1:2' };

test('is for its owner alone, also where an older one was for everybody', () => {
  writeFileSync(path, '{}', { mode: 0o644 });
  const remove = writeServicesFile(cwd, services);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readServices(cwd)).toEqual({ redis: services.redis, pid: process.pid });
  remove();
  expect(existsSync(path)).toBe(false);
});

test('a link that lies there is not followed', () => {
  const elsewhere = join(cwd, 'elsewhere');
  writeFileSync(elsewhere, 'theirs');
  symlinkSync(elsewhere, path);
  writeServicesFile(cwd, services)();
  expect(readFileSync(elsewhere, 'utf8')).toBe('theirs');
});
