import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import type { Redis } from 'ioredis';
import type { BenchServers } from './scale-dataset';
import type { ScaleFigures } from './scale-point';
import type { Usage } from './scale-worker-main';
import type { WorkerProcess } from './scale-workers';

/** Linux counts a process' time in these. */
const TICKS_A_SECOND = 100;

/** What everybody has used so far, in seconds of a processor but for `at`. */
export interface UsageSample {
  readonly at: number;
  readonly redis: number;
  /** Of the server of its own for pixels; 0 where there is none. */
  readonly pixels: number;
  /** Of the S3 server; NaN where it cannot be told. */
  readonly objects: number;
  /** Commands that Redis has done. */
  readonly commands: number;
  readonly ingest: readonly Usage[];
  readonly encoder: readonly Usage[];
  /** Of all processors of the machine. */
  readonly machine: number;
}

export async function sampleUsage(servers: BenchServers, workers: readonly WorkerProcess[]): Promise<UsageSample> {
  const of = (stage: WorkerProcess['stage']) => Promise.all(workers.filter((worker) => worker.stage === stage).map((w) => w.usage()));
  const [redis, pixels, ingest, encoder] = await Promise.all([
    redisUsage(servers.redis.redis),
    servers.pixels ? redisUsage(servers.pixels.redis) : { seconds: 0, commands: 0 },
    of('ingest'),
    of('encoder'),
  ]);
  return {
    at: performance.now() / 1_000,
    redis: redis.seconds,
    pixels: pixels.seconds,
    objects: processSeconds(servers.objects.pid),
    commands: redis.commands + pixels.commands,
    ingest,
    encoder,
    machine: machineSeconds(),
  };
}

/** What a Redis has used since it began: seconds of its main thread, and commands. */
export async function redisUsage(redis: Redis): Promise<{ seconds: number; commands: number }> {
  const info = await redis.info();
  const field = (name: string) => Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(info)?.[1]);
  // Of the one thread that does the commands; writing the append-only file out is others' work.
  const [system, user] = [field('used_cpu_sys_main_thread'), field('used_cpu_user_main_thread')];
  return { seconds: system + user, commands: field('total_commands_processed') };
}

/** Processor seconds of a process so far, as Linux tells them; NaN elsewhere. */
function processSeconds(pid: number | undefined): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name, in parentheses, may hold spaces.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND;
  } catch {
    return Number.NaN;
  }
}

const machineSeconds = () => cpus().reduce((sum, { times }) => sum + times.user + times.sys + times.nice + times.irq, 0) / 1_000;

/** Shares of a second: 1 is one processor, or one event loop, at work all the time. */
export interface Busy {
  readonly redis: number;
  readonly pixels: number;
  readonly objects: number;
  /** All processes of the stage together. */
  readonly ingest: number;
  readonly encoder: number;
  /** The busiest event loop of the stage. */
  readonly ingestLoop: number;
  readonly encoderLoop: number;
  /** Of all processors: 1 is all of them at work. */
  readonly machine: number;
}

export function busyBetween(before: UsageSample, after: UsageSample, processors = cpus().length): Busy {
  const seconds = after.at - before.at;
  const share = (of: (sample: UsageSample) => number) => (of(after) - of(before)) / seconds;
  const cpu = (usages: readonly Usage[]) => usages.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
  const loop = (stage: 'ingest' | 'encoder') =>
    Math.max(0, ...after[stage].map(({ loopSeconds }, index) => (loopSeconds - before[stage][index]!.loopSeconds) / seconds));
  return {
    redis: share(({ redis }) => redis),
    pixels: share(({ pixels }) => pixels),
    objects: share(({ objects }) => objects),
    ingest: share(({ ingest }) => cpu(ingest)),
    encoder: share(({ encoder }) => cpu(encoder)),
    ingestLoop: loop('ingest'),
    encoderLoop: loop('encoder'),
    machine: share(({ machine }) => machine) / processors,
  };
}

/** From here on somebody has nothing left to give. */
const FULL = 0.9;

/**
 * Who cannot do more, the most particular first: the machine is full of whoever is on it.
 * @param reached share of what the encoders alone would do.
 * @param inHand share of the jobs that encoders can have: what they have not, nobody has handed to them.
 */
export function limitOf({ busy, reached, inHand }: Pick<ScaleFigures, 'busy' | 'reached' | 'inHand'>, processors = cpus().length): string {
  if (reached >= FULL) return 'the encoders';
  if (busy.redis >= FULL) return 'Redis';
  if (busy.pixels >= FULL) return 'Redis for pixels';
  if (busy.ingestLoop >= FULL) return "ingest's event loop";
  if (busy.encoderLoop >= FULL) return "the encoder workers' event loops";
  // Of us, and not of whoever else is on the machine.
  const own = (busy.redis + busy.pixels + (busy.objects || 0) + busy.ingest + busy.encoder) / processors;
  if (busy.machine >= FULL && own >= FULL / 2) return "this machine's processors";
  return inHand < FULL ? 'ingest, which waits for answers' : 'what surrounds the encoders, which wait for answers';
}
