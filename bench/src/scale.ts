import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { formatTable } from '@showtell/cli/output/table';
import { ShowtellError } from '@showtell/shared/errors';
import { runBench, secondsOf, wholeNumberOf } from './bench-program';
import { writeTable } from './pages';
import type { BenchServers } from './scale-dataset';
import { measurePixels, type PixelFigures } from './scale-pixels';
import { measurePlan, PLAN_ROWS, type PlanFigures } from './scale-plans';
import { measurePoint, type ScaleFigures } from './scale-point';
import { type BenchRedis, startBenchRedis, startBenchStore } from './scale-servers';
import { pixelsTable, plansTable, SHARD_ROWS, type Table, tableMarkdown, workersTable } from './scale-tables';

const HELP = `npm run bench:scale -- [--part workers,pixels,plans] [--seconds LIST] [--workers LIST] [--shards LIST] [--quick] [--json] [--write-docs]

Real ingest and encoder workers against a Redis and an S3 server of their own (versitygw; without it on the PATH, the embedded store),
with an encoder that only waits, so that what is measured is everything around it. A shard of the bench is one photo of 16 x 16 pixels
with a feature as large as those of 512 photos: every record and object has its real size, and nothing is spent on decoding.

  --part LIST       workers: how much of N times one worker N workers reach, and who is busy
                    pixels: photos of 299 x 299 through Redis with and without append-only file, through a Redis of their own, and not at all
                    plans: what enqueue, status and finalizing take for many shards
                    (default: all of them)
  --seconds LIST    that the encoder takes for a shard (default: 13,0.5,0.1: two cores in float32, a GPU, a fast one)
  --workers LIST    (default: 1,2,4,8,16,32)
  --processes N     that the encoder workers share (default: 8)
  --shards LIST     planned (default: 1000,5000,20000)
  --quick           few of everything: 0.5 s, 1,2,4 workers, 200,1000 shards
  --json            print what was measured as JSON
  --write-docs      put the tables into docs/scale.md

Objects and Redis' file lie in the folder for temporary files: TMPDIR=/dev/shm takes the disk out of what is measured.`;

const PARTS = ['workers', 'pixels', 'plans'] as const;
const PAGES = ['docs/scale.md'];
/** Shards of 512 x 2048 numbers. */
const SHARD_VALUES = SHARD_ROWS * 2_048;
/** Whose shards take longer is taken for a CPU, which has one job in hand; a GPU has two. */
const GPU_SECONDS = 2;
/** Rounds of every worker: the more, the shorter they are, and not more shards than the machine writes in half a minute. */
const roundsOf = (seconds: number, workers: number) => (seconds > GPU_SECONDS ? 2 : Math.max(8, Math.min(16, Math.floor(300 / workers))));
const PIXEL_SHARDS = { full: 60, quick: 20 };

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      part: { type: 'string', default: PARTS.join() },
      seconds: { type: 'string' },
      workers: { type: 'string' },
      processes: { type: 'string', default: '8' },
      shards: { type: 'string' },
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      'write-docs': { type: 'boolean', default: false },
      help: { type: 'boolean' },
    },
  });
  if (values.help) return void process.stdout.write(`${HELP}\n`);
  const { quick } = values;
  const numbers = (flag: string, text: string) => text.split(',').map((one) => wholeNumberOf(flag, one));
  const parts = new Set(values.part.split(',').map(partOf));
  const seconds = (values.seconds ?? (quick ? '0.5' : '13,0.5,0.1')).split(',').map((one) => secondsOf('seconds', one));
  const workers = numbers('workers', values.workers ?? (quick ? '1,2,4' : '1,2,4,8,16,32'));
  const shards = numbers('shards', values.shards ?? (quick ? '200,1000' : '1000,5000,20000'));
  const processes = wholeNumberOf('processes', values.processes);

  const folder = mkdtempSync(join(tmpdir(), 'showtell-bench-'));
  // However it ends, nothing of some gigabytes is left.
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const opened: { stop(): Promise<void> }[] = [];
  const open = async <T extends { stop(): Promise<void> }>(opening: Promise<T>): Promise<T> => {
    const server = await opening;
    opened.push(server);
    return server;
  };
  const redisOf = (name: string, aof: boolean): Promise<BenchRedis> => open(startBenchRedis(join(folder, name), { aof }));
  try {
    const servers: BenchServers = { redis: await redisOf('redis', true), objects: await open(startBenchStore(join(folder, 'objects'))) };
    const where = `${cpus()[0]?.model.trim()}, ${cpus().length} processors for everybody; Redis with append-only file, ${servers.objects.kind === 'versitygw' ? 'versitygw' : 'objects as files'}; node ${process.versions.node}.`;
    const show = (name: string, table: Table, figures: unknown, conditions: string) => {
      if (values.json) process.stdout.write(`${JSON.stringify({ name, figures }, null, 2)}\n`);
      else process.stdout.write(`\n${formatTable(table.head, table.body)}\n${conditions}\n`);
      if (values['write-docs']) writeTable(name, PAGES, tableMarkdown(table, conditions));
    };

    if (parts.has('workers'))
      for (const each of seconds) {
        const figures: ScaleFigures[] = [];
        for (const number of workers) {
          const shape = { shards: number * roundsOf(each, number), rows: 1, microBatch: 1, side: 16, dimension: SHARD_VALUES };
          const measured = await measurePoint(
            {
              workers: number,
              secondsPerShard: each,
              device: each > GPU_SECONDS ? 'cpu' : 'cuda:0',
              shape,
              pixelWindow: 0,
              ingest: 1,
              concurrency: 4,
              processes,
            },
            servers,
            folder,
          );
          console.error(`${number} workers, ${each} s a shard: ${measured.shardsPerSecond.toFixed(2)} shards/s`);
          figures.push(measured);
        }
        const conditions = `An encoder that waits ${each} s a shard; encoder workers share ${processes} processes, ingest is one, and pixels do not go through Redis. A shard stands for ${SHARD_ROWS} photos. Shares are of one processor but for the last. ${where}`;
        show(`scale-workers-${each}`, workersTable(figures), figures, conditions);
      }

    if (parts.has('pixels')) {
      const alone = { ...servers, redis: await redisOf('no-aof', false) };
      const apart = { ...servers, pixels: await redisOf('pixels', false) };
      const window = 2 ** 30;
      const figures: PixelFigures[] = [];
      for (const setup of [
        { setup: 'one Redis, append-only file', servers, pixelWindow: window },
        { setup: 'one Redis, none', servers: alone, pixelWindow: window },
        { setup: 'a second Redis, none', servers: apart, pixelWindow: window },
        { setup: 'encoders prepare', servers, pixelWindow: 0 },
      ]) {
        console.error(setup.setup);
        figures.push(await measurePixels(setup, quick ? PIXEL_SHARDS.quick : PIXEL_SHARDS.full, folder));
      }
      const conditions = `“Alone”: one process puts blocks of 32 photos, takes and deletes them. The rest: 2 ingest processes, 4 encoder workers in one process that wait 0.02 s a shard of 64 photos, which are plain squares: decoding one takes 1.5 ms instead of the 4 to 5 of a real photo. ${where}`;
      show('scale-pixels', pixelsTable(figures), figures, conditions);
    }

    if (parts.has('plans')) {
      const figures: PlanFigures[] = [];
      for (const number of shards) {
        console.error(`${number} shards`);
        figures.push(await measurePlan(number, servers));
      }
      const conditions = `Each verb in a process of its own, memory is the most that it had; ${PLAN_ROWS} photos a shard. ${where}`;
      show('scale-plans', plansTable(figures), figures, conditions);
    }
  } finally {
    for (const server of opened.toReversed()) await server.stop();
  }
}

function partOf(text: string): (typeof PARTS)[number] {
  const part = PARTS.find((name) => name === text);
  if (part === undefined) throw new ShowtellError('USAGE', `Expected ${PARTS.join(', ')} for --part but received ${text}`);
  return part;
}

runBench(main);
