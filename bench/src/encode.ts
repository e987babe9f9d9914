import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { formatTable } from '@showtell/cli/output/table';
import { probeEngineProcess } from '@showtell/encoder-worker/engine-process';
import { ShowtellError } from '@showtell/shared/errors';
import { withKeptLibraries } from '@showtell/shared/onnx/cuda';
import { type BenchProcess, startBenchProcess } from './bench-process';
import { runBench, wholeNumberOf } from './bench-program';
import { type Contestant, chooseContestants, isOwn, label } from './contestants';
import { type EncodeInputs, writeEncodeInputs } from './encode-inputs';
import { type EncodeReport, type EncodeRow, markdownTable, terminalTable } from './encode-rows';
import { ERROR_LIMIT, relativeError } from './feature-error';
import { interleave } from './interleave';
import { ROOT, writeTable } from './pages';
import { peakMB, resetPeak } from './process-memory';
import { decodeFeatures } from './protocol';
import { cacheFolder, PEERS, pythonEnvironment } from './python-environment';

const HELP = `npm run bench:encode -- [--engines A,B] [--batches 1,8,32] [--threads N] [--rounds N] [--quick] [--prepare] [--json] [--write-readme]
npm run bench:gpu -- …          the same on a CUDA GPU

InceptionV3 with the same weights in Showtell's engines and in other frameworks, each in a process of its own, measured in turn in
one run, in random order. Python environments of the others are made at first (in $SHOWTELL_BENCH_CACHE, else the user's cache
folder); who cannot be had here is skipped, with the reason. Nobody is timed before his features agree with ours.

  --engines A,B     names of engines, or of engines in a precision: onnx,openvino:int8 (default: all)
  --device D        cpu, cuda or wasm (default: cpu)
  --batches LIST    (default: 1,8,32; on a GPU 128 too)
  --threads N       (default: one for every core)
  --rounds N        measurements of each, of which the median counts (default: 7)
  --quick           batch 8, 3 rounds
  --python PATH     a Python that has the others' packages already: no environments are made
  --prepare         install, compile and compare, but measure nothing
  --weights SPEC    as for showtell enqueue (default: bundled)
  --source FOLDER   a COCO folder of photos (default: $SHOWTELL_DATA/coco-mini, else ../shared/data/coco-mini)
  --json            print rows of {engine, device, precision, batch, imagesPerSecond, rssMB, relativeError}
  --write-readme    put the table into README.md and docs/ where they have its markers`;

const PAGES = ['README.md', 'docs/encoder.md', 'docs/gpu.md'];
/** On the CPU threads of who was there before go on spinning for a while. */
const PAUSE_MS = { cpu: 500, cuda: 50, wasm: 500 } as const;
const BATCHES = { cpu: '1,8,32', cuda: '1,8,32,128', wasm: '1,8,32' } as const;
/** Images of one measurement, unless one batch has more, or `MOST_RUNS` of them fewer. */
const IMAGES = { cpu: 24, cuda: 2_048, wasm: 1 } as const;
const MOST_RUNS = 128;
const COMPARED_PHOTOS = 8;

interface Where {
  readonly device: keyof typeof IMAGES;
  readonly threads: number;
  /** That runs the other frameworks, where no environments are to be made for them. */
  readonly python: string | undefined;
}

interface Racer {
  readonly contestant: Contestant;
  readonly process: BenchProcess;
  readonly device: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly error: number;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      engines: { type: 'string' },
      device: { type: 'string', default: 'cpu' },
      batches: { type: 'string' },
      threads: { type: 'string', default: String(availableParallelism()) },
      python: { type: 'string' },
      rounds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      prepare: { type: 'boolean', default: false },
      weights: { type: 'string', default: 'bundled' },
      source: { type: 'string' },
      json: { type: 'boolean', default: false },
      'write-readme': { type: 'boolean', default: false },
      help: { type: 'boolean' },
    },
  });
  if (values.help) return void process.stdout.write(`${HELP}\n`);
  const device = values.device as keyof typeof IMAGES;
  const threads = wholeNumberOf('threads', values.threads);
  const rounds = wholeNumberOf('rounds', values.rounds ?? (values.quick ? '3' : '7'));
  const contestants = chooseContestants(device, values.engines);
  const batches = (values.batches ?? (values.quick ? '8' : BATCHES[device])).split(',').map((text) => wholeNumberOf('batches', text));
  const where = { device, threads, python: values.python };
  // Who asks for a GPU is told why there is none; nobody else's figures on it would be of use then.
  if (device === 'cuda') await probeEngineProcess({ engine: 'onnx', precision: 'float32', device, threads });
  const source = resolve(values.source ?? join(process.env['SHOWTELL_DATA'] ?? join(ROOT, '..', 'shared', 'data'), 'coco-mini'));
  if (!existsSync(source))
    throw new ShowtellError('NOT_A_DATASET', `Expected a COCO folder for --source but there is no ${source}`, {
      hint: 'Name a folder with photos in <split>/ and annotations/captions_<split>.json.',
    });

  const folder = mkdtempSync(join(tmpdir(), 'showtell-bench-'));
  const racers: Racer[] = [];
  try {
    const int8 = contestants.some((contestant) => isOwn(contestant) && contestant.precision === 'int8');
    const inputs = await writeEncodeInputs(folder, { source, weights: values.weights, int8, threads });
    console.error(`${inputs.description}; ${threads} threads, batches ${batches.join(', ')}, ${rounds} rounds`);
    await enter(racers, contestants, inputs, where);
    if (values.prepare) {
      for (const batch of batches) await warmUp(racers, batch);
      return;
    }
    const rows: EncodeRow[] = [];
    // Ascending, so that the memory of a large batch is not taken for that of a small one.
    for (const batch of batches.sort((a, b) => a - b)) rows.push(...(await race(racers, device, batch, rounds)));
    report(rows, racers, { threads, rounds, device, description: inputs.description }, values);
  } finally {
    await Promise.all(racers.map((racer) => racer.process.close()));
    rmSync(folder, { recursive: true });
  }
}

/** Opens everyone, one after another, and compares features; who cannot take part is said and left out. */
async function enter(racers: Racer[], contestants: readonly Contestant[], inputs: EncodeInputs, where: Where): Promise<void> {
  const reference = await open(chooseContestants('cpu', 'onnx:float32')[0]!, inputs, { ...where, device: 'cpu' }, () => undefined);
  await reference.process.close();
  for (const contestant of contestants)
    try {
      racers.push(await open(contestant, inputs, where, (features) => relativeError(features, reference.features)));
      console.error(`  ${label(contestant)} takes part, relative error ${racers.at(-1)!.error.toExponential(1)}`);
    } catch (error) {
      console.error(`  ${label(contestant)} is skipped: ${(error as Error).message}`);
    }
  if (racers.length === 0) throw new ShowtellError('DEVICE_UNAVAILABLE', 'Nobody is left to measure', { hint: 'The lines above say why.' });
}

/** @param errorOf of the features; `undefined` compares nothing. @throws Error when there is no such engine here, or it is not the same encoder. */
async function open(
  contestant: Contestant,
  inputs: EncodeInputs,
  { device, threads, python }: Where,
  errorOf: (features: Float32Array) => number | undefined,
): Promise<Racer & { readonly features: Float32Array }> {
  const { program, precision } = contestant;
  // OpenVINO reports its use to its vendor, but not from where CI is set.
  const env: NodeJS.ProcessEnv = { ...process.env, PYTHONNOUSERSITE: '1', CI: 'true', OMP_NUM_THREADS: String(threads) };
  if (device !== 'cuda') env['CUDA_VISIBLE_DEVICES'] = '';
  const child =
    program.kind === 'own'
      ? startBenchProcess(process.execPath, ['--expose-gc', join(__dirname, 'own-engine-main.js')], withKeptLibraries(env))
      : startBenchProcess(python ?? (await pythonEnvironment(program.name, console.error)), [join(PEERS, `${program.name}_peer.py`)], env);
  try {
    const weights = program.kind === 'own' && precision === 'int8' ? inputs.int8! : inputs.weights;
    const { topology, pixels, calibration } = inputs;
    const ready = await child.ask({
      type: 'open',
      weights,
      topology,
      pixels,
      calibration,
      device,
      precision,
      variant: program.kind === 'own' ? program.engine : program.variant,
      threads,
      cache: cacheFolder(),
    });
    const features = decodeFeatures((await child.ask({ type: 'features', count: COMPARED_PHOTOS })).data);
    const error = errorOf(features) ?? 0;
    if (!(error <= ERROR_LIMIT[precision]))
      throw new Error(`its features differ from ours by ${error.toExponential(1)}, more than ${ERROR_LIMIT[precision]}`);
    return { contestant, process: child, device: ready.device, versions: ready.versions, error, features };
  } catch (error) {
    await child.close();
    throw error;
  }
}

async function warmUp(racers: readonly Racer[], batch: number): Promise<void> {
  for (const { process: child } of racers) {
    await child.ask({ type: 'run', batch, repeats: 1 });
    resetPeak(child.pid);
  }
}

async function race(racers: readonly Racer[], device: keyof typeof IMAGES, batch: number, rounds: number): Promise<EncodeRow[]> {
  await warmUp(racers, batch);
  const repeats = Math.min(Math.ceil(IMAGES[device] / batch), MOST_RUNS);
  const rates = await interleave(
    racers.map(({ process: child }) => ({
      measure: async () => (batch * repeats) / (await child.ask({ type: 'run', batch, repeats })).seconds,
    })),
    { rounds, pauseMs: PAUSE_MS[device] },
  );
  return racers.map(({ contestant, process: child, error }, index): EncodeRow => {
    const rss = peakMB(child.pid);
    const row = {
      engine: contestant.engine,
      device,
      precision: contestant.precision,
      batch,
      imagesPerSecond: Number(rates[index]!.toFixed(2)),
      rssMB: Number.isNaN(rss) ? null : Math.round(rss),
      relativeError: Number(error.toPrecision(2)),
    };
    console.error(`  ${label(contestant)} batch ${batch}: ${row.imagesPerSecond} images/s, ${row.rssMB} MB`);
    return row;
  });
}

function report(
  rows: readonly EncodeRow[],
  racers: readonly Racer[],
  { threads, rounds, device, description }: { threads: number; rounds: number; device: string; description: string },
  { json, 'write-readme': writeReadme }: { json: boolean; 'write-readme': boolean },
): void {
  const machine = device === 'cuda' ? racers[0]!.device : `${cpus()[0]?.model ?? 'CPU'}, ${threads} threads`;
  const full: EncodeReport = {
    rows,
    own: racers.filter(({ contestant }) => isOwn(contestant)).map(({ contestant }) => contestant.engine),
    versions: { node: process.versions.node, ...Object.assign({}, ...racers.map(({ versions }) => versions)) },
    conditions: `Images/s, medians of ${rounds} rounds interleaved in one run; ${machine}; ${description}. Error is that of the features, relative to our float32 ones; who quantises does so on photos that are not compared.`,
  };
  process.stdout.write(json ? `${JSON.stringify(rows, null, 2)}\n` : formatTable(...terminalTable(full)));
  if (writeReadme) writeTable(device === 'cuda' ? 'gpu' : 'encode', PAGES, markdownTable(full));
}

runBench(main);
