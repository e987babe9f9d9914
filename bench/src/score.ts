import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs, promisify } from 'node:util';
import { formatTable } from '@showtell/cli/output/table';
import { ShowtellError } from '@showtell/shared/errors';
import { runBench, wholeNumberOf } from './bench-program';
import { shuffled } from './interleave';
import { ROOT, writeTable } from './pages';
import { PEERS, pythonEnvironment } from './python-environment';
import { drawScoreInputs } from './score-inputs';
import { type ScoreReply, type ScoreRun, scoreMarkdown, scoreRow, scoreTable } from './score-rows';

const HELP = `npm run bench:score -- [--images N] [--rounds N] [--source FOLDER] [--json] [--write-readme]

BLEU, ROUGE-L and CIDEr-D by Showtell, by pycocoevalcap with its Java tokeniser, and by pycocoevalcap from tokens. Each measurement is a
process of its own, as a user would start it, in turn in one run, in random order; who cannot be had here is skipped, with the reason.
pycocoevalcap's Python environment is made at first (in $SHOWTELL_BENCH_CACHE, else the user's cache folder).

  --images N        images, with a candidate and five references each (default: 5000)
  --rounds N        measurements of each, of which the median counts (default: 5)
  --source FOLDER   a folder with annotations/captions_*.json, from whose captions all are drawn
                    (default: $SHOWTELL_DATA/flickr8k-mini, else ../shared/data/flickr8k-mini)
  --json            print rows of {engine, tokenizeSeconds, scoreSeconds, programSeconds, difference}
  --write-readme    put the table into README.md and docs/ where they have its markers`;

const PAGES = ['README.md', 'docs/captioner.md'];
const PAUSE_MS = 300;
const SEED = 5;
/** Sums in another order make 1e-12 of it; a token that is another one shows here. */
const DIFFERENCE_LIMIT = 1e-6;
const run = promisify(execFile);

interface Contestant {
  readonly engine: string;
  readonly command: (path: string) => Promise<readonly string[]>;
}

const peer = (engine: string, tokenizer: 'java' | 'tokens'): Contestant => ({
  engine,
  command: async (path) => [await pythonEnvironment('score', console.error), join(PEERS, 'score_peer.py'), path, tokenizer],
});
const CONTESTANTS: readonly Contestant[] = [
  { engine: 'Showtell', command: async (path) => [process.execPath, join(__dirname, 'own-score-main.js'), path] },
  peer('pycocoevalcap', 'java'),
  peer('pycocoevalcap, from tokens', 'tokens'),
];

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      images: { type: 'string', default: '5000' },
      rounds: { type: 'string', default: '5' },
      source: { type: 'string' },
      json: { type: 'boolean', default: false },
      'write-readme': { type: 'boolean', default: false },
      help: { type: 'boolean' },
    },
  });
  if (values.help) return void process.stdout.write(`${HELP}\n`);
  const images = wholeNumberOf('images', values.images);
  const rounds = wholeNumberOf('rounds', values.rounds);
  const captions = readCaptions(
    resolve(values.source ?? join(process.env['SHOWTELL_DATA'] ?? join(ROOT, '..', 'shared', 'data'), 'flickr8k-mini')),
  );

  const folder = mkdtempSync(join(tmpdir(), 'showtell-bench-'));
  try {
    const path = join(folder, 'captions.json');
    writeFileSync(path, JSON.stringify(drawScoreInputs(captions, images, SEED)));
    console.error(`${images} images with 6 captions each, drawn from ${captions.length}; ${rounds} rounds`);
    const { runs, versions } = await race(path, rounds);
    const ours = runs.get('Showtell')![0]!.metrics;
    const rows = [...runs].map(([engine, those]) => scoreRow(engine, those, ours));
    const apart = rows.find(({ difference }) => !(difference <= DIFFERENCE_LIMIT));
    if (apart) throw new Error(`Expected equal metrics but those of ${apart.engine} differ from ours by ${apart.difference}`);
    const conditions = `Seconds, medians of ${rounds} rounds interleaved in one run, each a process of its own; ${cpus()[0]?.model ?? 'CPU'}; ${images} images with a candidate and 5 references. Difference is the largest of a metric from ours. ${Object.entries(
      versions,
    )
      .map((pair) => pair.join(' '))
      .join(', ')}.`;
    process.stdout.write(values.json ? `${JSON.stringify(rows, null, 2)}\n` : formatTable(...scoreTable(rows)));
    if (values['write-readme']) writeTable('score', PAGES, scoreMarkdown(rows, conditions));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function race(path: string, rounds: number): Promise<{ runs: Map<string, ScoreRun[]>; versions: Record<string, string> }> {
  const runs = new Map<string, ScoreRun[]>();
  const commands: (readonly string[])[] = [];
  const versions: Record<string, string> = {};
  for (const { engine, command } of CONTESTANTS)
    try {
      // Its first run, which reads everything from disk, is not measured.
      const args = await command(path);
      Object.assign(versions, (await measure(args)).versions);
      commands.push(args);
      runs.set(engine, []);
    } catch (error) {
      if (engine === 'Showtell') throw error;
      console.error(`  ${engine} is skipped: ${(error as Error).message.trim().split('\n').at(-1)}`);
    }
  const engines = [...runs.keys()];
  for (let round = 0; round < rounds; round++)
    for (const index of shuffled(engines.length, Math.random)) {
      await sleep(PAUSE_MS);
      runs.get(engines[index]!)!.push(await measure(commands[index]!));
    }
  return { runs, versions };
}

async function measure([program, ...args]: readonly string[]): Promise<ScoreRun> {
  const began = performance.now();
  const { stdout } = await run(program!, args, { env: { ...process.env, PYTHONNOUSERSITE: '1', LC_ALL: 'C.UTF-8' } });
  return { ...(JSON.parse(stdout) as ScoreReply), programSeconds: (performance.now() - began) / 1_000 };
}

function readCaptions(source: string): string[] {
  const folder = join(source, 'annotations');
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => /^captions_.*\.json$/.test(name)) : [];
  const captions = names.sort().flatMap((name) => {
    const { annotations } = JSON.parse(readFileSync(join(folder, name), 'utf8')) as { annotations: { caption: string }[] };
    return annotations.map(({ caption }) => caption);
  });
  if (captions.length > 0) return captions;
  throw new ShowtellError('NOT_A_DATASET', `Expected a COCO folder for --source but there are no captions in ${folder}`, {
    hint: 'Name a folder with annotations/captions_<split>.json.',
  });
}

runBench(main);
