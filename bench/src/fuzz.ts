import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ShowtellError } from '@showtell/shared/errors';
import { sha256 } from '@showtell/shared/hash';
import { Random } from '@showtell/shared/source/synthetic-random';
import { runBench } from './bench-program';
import { fuzz, LoneReader, type Progress } from './fuzz/fuzzer';
import { TARGETS, type TargetName } from './fuzz/targets';

const HELP = `npm run fuzz -- --target zip|hdf5|arrow|safetensors [--minutes N] [--seed S] [--out FOLDER] [--replay FILE]

Reads files that an enemy may have made: real ones with something changed, those that reach new code kept and changed again. A finding is
a process that ends, no answer within 5 s, 512 MB of memory for one file, an error that is no ShowtellError, or a file that was taken but
is not what it was read as. Exit code 1 when there is one.

  --target NAME   what reads them
  --minutes N     (default 10)
  --seed S        of all that is random (default: another one each time)
  --out FOLDER    of the findings, made as small as possible (default .showtell/fuzz)
  --replay FILE   reads this file alone and says what is wrong with it`;

const MINUTE = 60_000;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      target: { type: 'string' },
      minutes: { type: 'string', default: '10' },
      seed: { type: 'string', default: String(Date.now()) },
      out: { type: 'string', default: '.showtell/fuzz' },
      replay: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) return void process.stdout.write(`${HELP}\n`);
  const name = values.target as TargetName;
  if (!Object.hasOwn(TARGETS, values.target ?? ''))
    throw new ShowtellError(
      'USAGE',
      `Expected one of ${Object.keys(TARGETS).join(', ')} for --target but received ${values.target ?? 'nothing'}`,
    );
  if (values.replay !== undefined) {
    const { confirm } = await TARGETS[name]();
    const reader = new LoneReader(name, confirm !== undefined);
    const wrong = await reader.wrongOf(await readFile(values.replay));
    await reader.stop();
    process.stdout.write(wrong ? `${wrong.kind}: ${wrong.message}\n${wrong.stack ?? ''}\n` : 'Nothing wrong\n');
    process.exitCode = wrong ? 1 : 0;
    return;
  }
  const minutes = minutesOf(values.minutes);
  process.stdout.write(`Fuzzing ${name} for ${minutes} min with seed ${values.seed}\n`);
  const begun = performance.now();
  let told = 0;
  const progress = await fuzz(name, new Random(values.seed), minutes * MINUTE, (now) => {
    const elapsed = Math.floor((performance.now() - begun) / MINUTE);
    if (elapsed > told) process.stdout.write(`${elapsed} min: ${describe(now, performance.now() - begun)}\n`);
    told = elapsed;
  });
  process.stdout.write(`Done: ${describe(progress, performance.now() - begun)}\n`);
  if (progress.found.size === 0) return;
  await mkdir(values.out, { recursive: true });
  for (const { input, wrong } of progress.found.values()) {
    const path = join(values.out, `${name}-${wrong.kind}-${sha256(input).slice(0, 12)}`);
    await writeFile(path, input);
    process.stdout.write(`\n${wrong.kind}: ${wrong.message}\n  ${input.length} bytes in ${path}\n${wrong.stack ?? ''}\n`);
  }
  process.exitCode = 1;
}

function minutesOf(text: string): number {
  const minutes = Number(text);
  if (minutes > 0 && minutes <= 1_440) return minutes;
  throw new ShowtellError('USAGE', `Expected minutes from more than 0 to 1440 for --minutes but received ${text}`);
}

function describe({ inputs, accepted, corpus, reached, found, contained, unrepeated }: Progress, milliseconds: number): string {
  const rate = Math.round(inputs / (milliseconds / 1_000));
  const more = `${contained > 0 ? `, ${contained} ended their own thread alone` : ''}${unrepeated > 0 ? `, ${unrepeated} batches ended what none of their inputs does alone` : ''}`;
  return `${inputs} inputs (${rate}/s), ${accepted} accepted, ${corpus} kept, ${reached} characters of code reached, ${found.size} findings${more}`;
}

runBench(main);
