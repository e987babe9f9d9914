import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { formatTable } from '@showtell/cli/output/table';
import { ShowtellError } from '@showtell/shared/errors';
import { runBench, secondsOf, wholeNumberOf } from './bench-program';
import { startBenchRedis, startBenchStore } from './scale-servers';
import { brokenPromises, proveSharing, type SharingPhase } from './sharing-proof';

const HELP = `npm run proof:sharing -- [--shards N] [--measured N] [--seconds S] [--json]

Three runs of priorities 10, 20 and 40 at once, on a Redis, an S3 server and worker processes of its own, with an encoder that only
takes its time: paused, resumed, cancelled and given other priorities, while encoder workers come, go and are killed. Prints the share
that each run was promised and got in each phase, and checks that nothing is lost, twice, failed or left behind. Twice: without pixels
in Redis, and with a small pixel window.

  --shards N        of each run (default 420)
  --measured N      shards over which the shares of a phase are measured (default 70)
  --seconds S       that an encoder takes for a shard (default 0.06)
  --json            print the figures as JSON`;

/** How far a run may be from its promise: turns are whole shards, and each worker has one at work when a phase begins or ends. */
const SLACK_SHARDS = 6;
const WORKERS = 4;
/** Of 12 shards, since what is prepared already is encoded before a change is felt. */
const SMALL_WINDOW = 12 * 4 * 32 * 32 * 3;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      shards: { type: 'string', default: '420' },
      measured: { type: 'string', default: '70' },
      seconds: { type: 'string', default: '0.06' },
      json: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) return void process.stdout.write(`${HELP}\n`);
  const shards = wholeNumberOf('shards', values.shards);
  const measured = wholeNumberOf('measured', values.measured);
  const secondsPerShard = secondsOf('seconds', values.seconds);
  const folder = mkdtempSync(join(tmpdir(), 'showtell-sharing-'));
  const redis = await startBenchRedis(join(folder, 'redis'), { aof: true });
  const objects = await startBenchStore(join(folder, 'objects'));
  const proofs = [];
  try {
    for (const pixelWindow of [0, SMALL_WINDOW]) {
      if (values.json !== true) process.stdout.write(`\nPixel window ${pixelWindow} bytes, objects in ${objects.kind}\n\n`);
      const proof = await proveSharing({ redis, objects }, folder, {
        pixelWindow,
        shards,
        measured,
        secondsPerShard,
        workers: WORKERS,
        // Else a run may have ended before the last phase begins, on a machine that is quick.
        hold: pixelWindow === 0,
        onPhase: console.error,
      });
      proofs.push({ pixelWindow, ...proof });
      if (values.json !== true) {
        process.stdout.write(formatPhases(proof.phases));
        for (const [run, { shards: count, rows, rejected }] of Object.entries(proof.runs))
          process.stdout.write(`${run}: ${count} shards, ${rows} rows, ${rejected} rejected: each planned sample once\n`);
        process.stdout.write('Redis: no job left, none failed, no pixels, window empty\n');
      }
    }
  } finally {
    await redis.stop();
    await objects.stop();
    rmSync(folder, { recursive: true, force: true });
  }
  if (values.json === true) process.stdout.write(`${JSON.stringify(proofs, null, 2)}\n`);
  const broken = proofs.flatMap(({ phases }) => brokenPromises(phases, SLACK_SHARDS));
  if (broken.length > 0) throw new ShowtellError('BUG', `Promised shares were not kept: ${broken.join('; ')}`);
}

function formatPhases(phases: readonly SharingPhase[]): string {
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  return formatTable(
    ['phase', 'workers', ...(phases[0]?.shares.flatMap(({ run }) => [run, 'promised', 'got']) ?? [])],
    phases.map(({ name, workers, shares }) => [
      name,
      workers,
      ...shares.flatMap(({ priority, promised, measured }) => [promised === 0 ? '–' : priority, percent(promised), percent(measured)]),
    ]),
  );
}

runBench(main);
