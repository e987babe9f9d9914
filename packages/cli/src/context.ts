import type { Settings } from '@showtell/shared/config';
import { createLogger } from '@showtell/shared/logger';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { openStore } from '@showtell/shared/object-store/open';
import type { Shutdown } from '@showtell/shared/shutdown';
import type { Command } from 'commander';
import { settingsOf } from './settings-flags';

type Logger = ReturnType<typeof createLogger>;

/** What a command works with. Whatever it opens it leaves to `shutdown` to close. */
export interface CommandContext {
  readonly settings: Settings;
  readonly logger: Logger;
  readonly store: ObjectStore;
  readonly shutdown: Shutdown;
  /** Aborts at Ctrl-C. */
  readonly signal: AbortSignal;
}

/**
 * @param name who logs.
 * @param quiet a command that answers by itself logs nothing below a warning, unless asked for.
 */
export function openContext(command: Command, shutdown: Shutdown, { name = 'showtell', quiet = true } = {}): CommandContext {
  const settings = settingsOf(command);
  const logLevel = quiet && settings.logLevel === 'info' ? 'warn' : settings.logLevel;
  const logger = createLogger(name, { ...settings, logLevel });
  const store = openStore(settings.store, { endpoint: settings.s3Endpoint });
  shutdown.logTo(logger);
  shutdown.defer('store', () => store.close());
  return { settings, logger, store, shutdown, signal: shutdown.signal };
}
