import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Settings } from '@showtell/shared/config';
import { createLogger } from '@showtell/shared/logger';
import { openStore } from '@showtell/shared/object-store/open';
import { redisPrefix } from '@showtell/shared/queue/connection';
import { openQueues, type RedisServices } from '@showtell/shared/queue/open-queues';
import type { Shutdown } from '@showtell/shared/shutdown';
import pc from 'picocolors';
import { DEMO } from '../demo-settings';
import { openRedis } from '../local/redis';
import { startServices } from '../local/services';
import { print, tell } from '../output/print';
import { captionPictures, type Demo, encodePictures, trainCaptioner } from './demo-stages';
import { formatStages, writeGallery } from './report';
import { ServiceLog } from './service-log';
import { Stages } from './stages';

export interface DemoOptions {
  readonly settings: Settings;
  /** Folder that keeps the gallery page. */
  readonly out: string;
  readonly shutdown: Shutdown;
}

const ENCODERS = 2;

/**
 * Runs drawn pictures through every stage, each a process of its own, with a store and a Redis that go away again.
 * Only the gallery page stays.
 */
export async function runDemo({ settings, out, shutdown }: DemoOptions): Promise<void> {
  const log = new ServiceLog();
  const stages = new Stages();
  say(`${pc.bold('Showtell demo')}: ${DEMO.source.replace('synthetic:', '')} drawn pictures through every stage, on this machine`);
  const demo = await startDemo(settings, shutdown, log);
  stages.end('Start', `Redis, ingest, ${ENCODERS} encoders, trainer`);
  try {
    await Promise.race([demo.services.failed, everyStage(demo, stages, resolve(out))]);
  } catch (error) {
    if (!shutdown.signal.aborted) tell(log.tail());
    throw error;
  }
}

async function everyStage(demo: Demo, stages: Stages, out: string): Promise<void> {
  const encoded = await encodePictures(demo, stages);
  const trained = await trainCaptioner(demo, stages);
  const captioned = await captionPictures(demo, stages);
  say(`\n${formatStages(stages)}`);
  const page = await writeGallery(out, { stages, encoded, trained, captioned });
  say(`Gallery: ${pc.cyan(pathToFileURL(page).href)}`);
}

/** Everything that the demo needs and leaves no trace of. */
async function startDemo(given: Settings, shutdown: Shutdown, log: ServiceLog): Promise<Demo> {
  const folder = await mkdtemp(join(tmpdir(), 'showtell-demo-'));
  shutdown.defer('demo folder', () => rm(folder, { recursive: true, force: true }));
  const server = await openRedis({ url: given.redis, folder, announce: say, signal: shutdown.signal });
  shutdown.defer('redis', () => server.stop());
  const settings: Settings = {
    ...given,
    redis: server.url,
    pixelRedis: undefined,
    store: pathToFileURL(join(folder, 'store')).href,
    // A Redis that is not our own may hold other work.
    prefix: `demo-${process.pid}`,
    // Whatever is half done when the demo ends is thrown away.
    drainSeconds: 0,
  };
  const logger = createLogger('demo', { logLevel: 'warn' });
  const store = openStore(settings.store);
  shutdown.defer('store', () => store.close());
  const redis = await openQueues(settings, logger, shutdown);
  if (server.program === undefined) shutdown.defer('keys in Redis', () => removeKeys(redis.redis, redisPrefix(settings)));
  const services = startServices({
    settings,
    encoders: ENCODERS,
    precision: 'float32',
    cwd: folder,
    onLine: log.add,
    onEvent: (message) => say(pc.yellow(message)),
  });
  shutdown.defer('services', () => services.stop());
  const context = { settings, logger, store, shutdown, signal: shutdown.signal };
  return { context, queues: redis.queues, services, folder };
}

async function removeKeys(redis: RedisServices['redis'], prefix: string): Promise<void> {
  for await (const keys of redis.scanStream({ match: `${prefix}*`, count: 1_000 }) as AsyncIterable<string[]>)
    if (keys.length > 0) await redis.unlink(keys);
}

function say(line: string): void {
  print(`${line}\n`);
}
