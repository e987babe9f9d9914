import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { formatTable } from '@showtell/cli/output/table';
import { ShowtellError } from '@showtell/shared/errors';
import { hyperparametersOf } from '@showtell/trainer/model/presets/presets';
import { type BenchProcess, startBenchProcess } from './bench-process';
import { runBench, wholeNumberOf } from './bench-program';
import { interleave } from './interleave';
import { ROOT, writeTable } from './pages';
import { peakMB } from './process-memory';
import { cacheFolder, PEERS, pythonEnvironment } from './python-environment';
import { sample } from './train-batches';
import { chooseTrainContestants, OWN, type TrainContestant, trainLabel } from './train-contestants';
import { type Order, type TrainInputs, writeTrainInputs } from './train-inputs';
import { bestOf, type TrainReport, type TrainRow, trainMarkdown, trainTable } from './train-rows';

const HELP = `npm run bench:train -- [--engines A,B] [--preset NAME] [--threads N] [--rounds N] [--stride N] [--quick] [--prepare] [--json] [--write-readme]

The captioner of a preset trained by Showtell, Keras and PyTorch: same initial weights, same batches, each in a process of its
own, measured in turn in one run, in random order. Python environments of the others are made at first (in $SHOWTELL_BENCH_CACHE,
else the user's cache folder); who cannot be had here is skipped, with the reason. Nobody is timed before the losses of his first
steps agree with ours. Batches are of random captions or, where the table says so, of captions about as long as each other.

  --engines A,B     onnx, keras-xla, keras-graph, torch, torch-compiled, or one with its batches: torch:random:packed (default: all)
  --preset NAME     seed or show-and-tell (PyTorch alone), without what is drawn at random and without schedules (default: seed)
  --threads N       (default: one for every core)
  --rounds N        measurements of each, of which the median counts (default: 5)
  --stride N        each measures every N-th batch of an epoch, by length; 1 is a whole epoch (default: 8)
  --quick           stride 16, 3 rounds
  --prepare         install, compile and compare, but measure nothing
  --source FOLDER   a COCO folder with train captions (default: $SHOWTELL_DATA/flickr8k-mini, else ../shared/data/flickr8k-mini)
  --json            print rows of {engine, batches, layout, tokensPerSecond, secondsPerEpoch, rssMB, lossError}
  --write-readme    put the table of preset seed into README.md and docs/ where they have its markers`;

/** Where tables go: all of it, or the best of each. */
const PAGES = { 'docs/captioner.md': (all: TrainReport) => all, 'README.md': bestOf } as const;
/** Threads of who was there before go on spinning for a while. */
const PAUSE_MS = 300;
const COMPARED_STEPS = 4;
/** Larger, and it is another network that is timed: float32 and other orders of summing make 1e-6 of it. */
const LOSS_LIMIT = 1e-3;
const SEED = 7;
/** What has everyone draw numbers of his own, or read other features. */
const COMPARABLE = {
  dropout: 0,
  scheduledSampling: 0,
  labelSmoothing: 0,
  standardize: false,
  schedule: 'constant',
  warmupSteps: 0,
} as const;

interface Trainer {
  readonly contestant: TrainContestant;
  readonly process: BenchProcess;
  readonly versions: Readonly<Record<string, string>>;
  readonly lossError: number;
}

interface Course {
  readonly inputs: TrainInputs;
  readonly threads: number;
  /** The batches that are timed. */
  readonly timed: Readonly<Record<Order, readonly (readonly number[])[]>>;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      engines: { type: 'string' },
      preset: { type: 'string', default: 'seed' },
      threads: { type: 'string', default: String(availableParallelism()) },
      rounds: { type: 'string' },
      stride: { type: 'string' },
      quick: { type: 'boolean', default: false },
      prepare: { type: 'boolean', default: false },
      source: { type: 'string' },
      json: { type: 'boolean', default: false },
      'write-readme': { type: 'boolean', default: false },
      help: { type: 'boolean' },
    },
  });
  if (values.help) return void process.stdout.write(`${HELP}\n`);
  const contestants = chooseTrainContestants(values.engines);
  if (values['write-readme'] && values.preset !== 'seed')
    throw new ShowtellError('USAGE', `Expected --preset seed with --write-readme but received ${values.preset}`);
  const threads = wholeNumberOf('threads', values.threads);
  const rounds = wholeNumberOf('rounds', values.rounds ?? (values.quick ? '3' : '5'));
  const stride = wholeNumberOf('stride', values.stride ?? (values.quick ? '16' : '8'));
  const source = resolve(values.source ?? join(process.env['SHOWTELL_DATA'] ?? join(ROOT, '..', 'shared', 'data'), 'flickr8k-mini'));
  const annotations = join(source, 'annotations', 'captions_train.json');
  if (!existsSync(annotations))
    throw new ShowtellError('NOT_A_DATASET', `Expected a COCO folder for --source but there is no ${annotations}`, {
      hint: 'Name a folder with annotations/captions_train.json.',
    });

  const folder = mkdtempSync(join(tmpdir(), 'showtell-bench-'));
  const trainers: Trainer[] = [];
  try {
    const inputs = writeTrainInputs(folder, annotations, hyperparametersOf(values.preset, COMPARABLE), SEED);
    const timed = (order: Order) => sample(inputs.batches[order], inputs.tokens, stride);
    const course = { inputs, threads, timed: { random: timed('random'), bucketed: timed('bucketed') } };
    console.error(`${inputs.description}; ${threads} threads, ${course.timed.random.length} batches a measurement, ${rounds} rounds`);
    await enter(trainers, contestants, course);
    await warmUp(trainers, course);
    if (values.prepare) return;
    const rows = await race(trainers, course, rounds);
    const conditions = `Medians of ${rounds} rounds interleaved in one run, each of ${course.timed.random.length} of the ${inputs.batches.random.length} batches of an epoch; ${cpus()[0]?.model ?? 'CPU'}, ${threads} threads; preset ${values.preset}, ${inputs.description}. Tokens are real ones, without padding; \`time\` is relative to ours on batches of the same kind; \`loss\` the largest relative difference from our losses.`;
    report({ rows, conditions, own: ['onnx'], versions: { node: process.versions.node, ...versionsOf(trainers) } }, values);
  } finally {
    await Promise.all(trainers.map((trainer) => trainer.process.close()));
    rmSync(folder, { recursive: true });
  }
}

/** Opens everyone, one after another, and compares losses; who cannot take part is said and left out. */
async function enter(trainers: Trainer[], contestants: readonly TrainContestant[], course: Course): Promise<void> {
  const expected = new Map<string, readonly number[]>();
  const kind = ({ order, epsilonForm }: TrainContestant) => `${order} ${epsilonForm}`;
  for (const contestant of contestants) {
    if (expected.has(kind(contestant))) continue;
    const { order, epsilonForm } = contestant;
    const { child, losses } = await open({ ...OWN, order, epsilonForm }, course);
    expected.set(kind(contestant), losses);
    await child.close();
  }
  for (const contestant of contestants)
    try {
      const { child, losses, versions } = await open(contestant, course);
      const lossError = Math.max(...losses.map((loss, step) => Math.abs(loss / expected.get(kind(contestant))![step]! - 1)));
      if (!(lossError <= LOSS_LIMIT)) {
        await child.close();
        throw new Error(`its losses differ from ours by ${lossError.toExponential(1)}, more than ${LOSS_LIMIT}`);
      }
      trainers.push({ contestant, process: child, versions, lossError });
      console.error(`  ${trainLabel(contestant)} takes part, losses within ${lossError.toExponential(1)}`);
    } catch (error) {
      console.error(`  ${trainLabel(contestant)} is skipped: ${(error as Error).message}`);
    }
  if (trainers.length === 0)
    throw new ShowtellError('DEVICE_UNAVAILABLE', 'Nobody is left to measure', { hint: 'The lines above say why.' });
}

/** Starts a trainer, which takes its first steps. @throws Error when there is no such trainer here. */
async function open({ program, order, epsilonForm }: TrainContestant, { inputs, threads }: Course) {
  const env: NodeJS.ProcessEnv = { ...process.env, PYTHONNOUSERSITE: '1', OMP_NUM_THREADS: String(threads), CUDA_VISIBLE_DEVICES: '' };
  const child =
    program.kind === 'own'
      ? startBenchProcess(process.execPath, [join(__dirname, 'own-trainer-main.js')], env)
      : startBenchProcess(await pythonEnvironment(program.name, console.error), [join(PEERS, `${program.name}_train_peer.py`)], env);
  try {
    const variant = program.kind === 'own' ? '' : program.variant;
    const hyperparameters = { ...inputs.request.hyperparameters, epsilonForm };
    const { versions } = await child.ask({
      type: 'open-trainer',
      ...inputs.request,
      hyperparameters,
      variant,
      threads,
      cache: cacheFolder(),
    });
    const { losses } = await child.ask({ type: 'train', batches: inputs.batches[order].slice(0, COMPARED_STEPS) });
    return { child, versions, losses };
  } catch (error) {
    await child.close();
    throw error;
  }
}

/** One of each length: who compiles for a length has then compiled. */
async function warmUp(trainers: readonly Trainer[], { inputs, timed }: Course): Promise<void> {
  for (const { contestant, process: child } of trainers) {
    const lengths = new Map(timed[contestant.order].map((batch) => [Math.max(...batch.map((caption) => inputs.tokens[caption]!)), batch]));
    await child.ask({ type: 'train', batches: [...lengths.values()] });
  }
}

async function race(trainers: readonly Trainer[], { inputs, timed }: Course, rounds: number): Promise<TrainRow[]> {
  const tokensOf = (batches: readonly (readonly number[])[]) => batches.flat().reduce((sum, caption) => sum + inputs.tokens[caption]!, 0);
  const rates = await interleave(
    trainers.map(({ contestant: { order }, process: child }) => ({
      measure: async () => tokensOf(timed[order]) / (await child.ask({ type: 'train', batches: timed[order] })).seconds,
    })),
    { rounds, pauseMs: PAUSE_MS },
  );
  const epoch = inputs.tokens.reduce((sum, tokens) => sum + tokens, 0);
  return trainers.map(({ contestant, process: child, lossError }, index): TrainRow => {
    const rss = peakMB(child.pid);
    const row = {
      engine: contestant.engine,
      batches: contestant.order,
      layout: contestant.layout,
      tokensPerSecond: Math.round(rates[index]!),
      secondsPerEpoch: Number((epoch / rates[index]!).toFixed(3)),
      rssMB: Number.isNaN(rss) ? null : Math.round(rss),
      lossError: Number(lossError.toPrecision(2)),
    };
    console.error(`  ${trainLabel(contestant)}: ${row.tokensPerSecond} tokens/s, ${row.secondsPerEpoch} s/epoch, ${row.rssMB} MB`);
    return row;
  });
}

const versionsOf = (trainers: readonly Trainer[]): Record<string, string> => Object.assign({}, ...trainers.map(({ versions }) => versions));

function report(full: TrainReport, { json, 'write-readme': writeReadme }: { json: boolean; 'write-readme': boolean }): void {
  process.stdout.write(json ? `${JSON.stringify(full.rows, null, 2)}\n` : formatTable(...trainTable(full)));
  if (!writeReadme) return;
  for (const [page, rowsOf] of Object.entries(PAGES)) writeTable('train', [page], trainMarkdown(rowsOf(full)));
}

runBench(main);
