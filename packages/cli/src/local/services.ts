import { defaultThreads } from '@showtell/encoder-worker/encoder/engines/engine';
import type { Settings } from '@showtell/shared/config';
import { ShowtellError } from '@showtell/shared/errors';
import type { Precision } from '@showtell/shared/schema/encoder-identity';
import { settingsEnvironment } from '../settings-flags';
import { Service } from './service';

/** A worker that stops gives its job back or finishes it within `drainSeconds`; then come its connections. */
const CLOSING_SECONDS = 5;

export interface ServicesOptions {
  readonly settings: Settings;
  readonly encoders: number;
  /** Of the runs that they serve. */
  readonly precision: Precision;
  readonly onLine: (service: string, line: string) => void;
  readonly onEvent: (message: string) => void;
  /** Folder that the services keep weights in. Default: the working folder. */
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

export interface Services {
  readonly services: readonly { readonly name: string; readonly service: Service }[];
  /** Rejects when a service cannot be made to run. Never resolves. */
  readonly failed: Promise<never>;
  /** Stops those whose name begins so, or all of them; nothing of them is left afterwards. */
  stop(names?: string): Promise<void>;
}

/** How many encoder workers suit a machine: each keeps four cores busy well, and holds the weights in memory once more. */
export function defaultEncoders(cores: number): number {
  return Math.max(1, Math.round(cores / 4));
}

/** Starts ingest, `encoders` encoder workers and the trainer, each a process of its own. */
export function startServices({
  settings,
  encoders,
  precision,
  onLine,
  onEvent,
  cwd = process.cwd(),
  env = process.env,
}: ServicesOptions): Services {
  let reject: (error: ShowtellError) => void = () => {};
  const failed = new Promise<never>((_resolve, rejectIt) => {
    reject = rejectIt;
  });
  // Whoever awaits it sees the failure; until then it must not end the program as an unhandled one.
  failed.catch(() => {});
  // On one machine the way through Redis and another process would only take CPU from the encoders.
  const direct: Settings = { ...settings, pixelWindow: settings.pixelWindow ?? 0 };
  const threads = String(defaultThreads(encoders));
  const specs: [string, string[]][] = [
    ['ingest', ['worker', 'ingest']],
    ...Array.from({ length: encoders }, (_, index): [string, string[]] => [
      `encoder-${index + 1}`,
      ['worker', 'encoder', '--precision', precision, '--threads', threads],
    ]),
    ['trainer', ['worker', 'trainer']],
  ];
  const services = specs.map(([name, args]) => ({
    name,
    service: new Service({
      name,
      args,
      cwd,
      env: { ...env, ...settingsEnvironment(direct) },
      stopSeconds: settings.drainSeconds + CLOSING_SECONDS,
      onLine,
      onEvent,
      onHopeless: (message) => reject(new ShowtellError('CONFIG_INVALID', message)),
    }),
  }));
  return {
    services,
    failed,
    // All at once, the last started first: workers do not depend on one another, only on Redis and the store, which end later.
    stop: async (names = '') => {
      const chosen = services.toReversed().filter(({ name }) => name.startsWith(names));
      await Promise.all(chosen.map(({ service }) => service.stop()));
    },
  };
}
