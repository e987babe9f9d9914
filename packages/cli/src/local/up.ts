import { availableParallelism } from 'node:os';
import type { Settings } from '@showtell/shared/config';
import { createLogger } from '@showtell/shared/logger';
import { openStore } from '@showtell/shared/object-store/open';
import { connectRedis, preflight } from '@showtell/shared/queue/connection';
import { Queues } from '@showtell/shared/queue/queues';
import { untilAborted } from '@showtell/shared/queue/until';
import type { Precision } from '@showtell/shared/schema/encoder-identity';
import { hideSecrets } from '@showtell/shared/secrets';
import type { Shutdown } from '@showtell/shared/shutdown';
import pc from 'picocolors';
import { plural } from '../output/format';
import { print, tell } from '../output/print';
import { startDashboard } from './dashboard';
import { formatLogLine } from './log-line';
import { openRedis } from './redis';
import { defaultEncoders, startServices } from './services';
import { checkNotUp, writeServicesFile } from './services-file';
import { goOnWithRuns, tellWhatIsLeft } from './unfinished';

export interface UpOptions {
  readonly settings: Settings;
  readonly encoders?: number | undefined;
  /** Of the runs that the encoder workers serve. */
  readonly precision: Precision;
  /** Of the dashboard; 0 takes a free one. */
  readonly port: number;
  readonly shutdown: Shutdown;
  readonly cwd?: string;
}

/** Runs every service until it is stopped. Standard output tells where things are; standard error is the services' log. */
export async function runUp({ settings: given, encoders, precision, port, shutdown, cwd = process.cwd() }: UpOptions): Promise<void> {
  const say = (line: string) => print(`${line}\n`);
  checkNotUp(cwd);
  const redis = await openRedis({ url: given.redis, announce: say, signal: shutdown.signal });
  shutdown.defer('redis', () => redis.stop());
  const settings: Settings = { ...given, redis: redis.url };
  const [report] = await preflight(settings);
  const store = openStore(settings.store, { endpoint: settings.s3Endpoint });
  shutdown.defer('store', () => store.close());
  await store.probe({ signal: shutdown.signal });

  const connection = connectRedis(settings);
  connection.on('error', () => {});
  shutdown.defer('connection', () => connection.disconnect());
  const queues = new Queues(connection, settings);
  shutdown.defer('queues', () => queues.close());
  const dashboard = await startDashboard(queues, port);
  shutdown.defer('dashboard', () => dashboard.close());

  // Of a Redis that is not our own, jobs stay when we stop.
  const work = redis.program === undefined ? undefined : { store, queues, logger: createLogger('up', { logLevel: 'warn' }), say };
  if (work) shutdown.defer('what is left', () => tellWhatIsLeft(work));

  const count = encoders ?? defaultEncoders(availableParallelism());
  const services = startServices({
    settings,
    encoders: count,
    precision,
    onLine: (service, line) => tell(`${formatLogLine(service, line)}\n`),
    onEvent: (message) => tell(`${pc.yellow(message)}\n`),
  });
  shutdown.defer('services', () => services.stop());
  shutdown.defer('services.json', writeServicesFile(cwd, { redis: redis.url, dashboard: dashboard.url }));

  say(`Store      ${settings.store}`);
  say(`Redis      ${hideSecrets(redis.url)} ${pc.dim(`(${report?.version ?? ''}, ${redis.program ?? 'as configured'})`)}`);
  say(`Services   ingest, ${plural(count, 'encoder')}, trainer`);
  say(`Dashboard  ${pc.cyan(dashboard.url)}`);
  say(pc.dim('Other commands find these from the same folder. Ctrl-C stops everything.'));

  const goesOn = work && goOnWithRuns(work, shutdown.signal).catch((error: unknown) => ignoreAbort(error, shutdown));
  await Promise.race([services.failed, Promise.all([goesOn, untilAborted(shutdown.signal)])]);
  say('Stopping…');
}

/** Whoever stops everything is not told that what was going on has been stopped. */
function ignoreAbort(error: unknown, { signal }: Shutdown): void {
  if (!signal.aborted) throw error;
}
