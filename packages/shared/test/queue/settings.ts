import { randomUUID } from 'node:crypto';
import { readSettings, type Settings } from '../../src/config';

/** Settings of a test: defaults, a key prefix of its own, and locks short enough to wait for. */
export function testSettings(redis: string, flags: Partial<Settings> = {}): Settings {
  return readSettings({
    flags: {
      store: 'file:///nowhere',
      redis,
      prefix: `test-${randomUUID().slice(0, 8)}`,
      lockSeconds: 2,
      stalledSeconds: 0.5,
      drainSeconds: 5,
      logLevel: 'silent',
      ...flags,
    },
    env: {},
    cwd: '/nonexistent',
  });
}
