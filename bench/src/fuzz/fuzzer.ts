import type { Random } from '@showtell/shared/source/synthetic-random';
import type { Wrong } from './fuzz-messages';
import { FuzzProcess, isWrong } from './fuzz-process';
import { minimise } from './minimise';
import { mutate } from './mutate';
import { TARGETS, type TargetName } from './targets';

const BATCH = 16;
/** Longest time for one input, ms. */
const LIMIT = 5_000;
/** Memory that one input may take, bytes. */
const MOST_MEMORY = 2 ** 29;

export interface Found {
  readonly input: Buffer;
  readonly wrong: Wrong;
}

export interface Progress {
  inputs: number;
  accepted: number;
  corpus: number;
  reached: number;
  /** Of all findings that were alike the smallest. */
  readonly found: Map<string, Found>;
  /** Ended the thread or process that is made for it, and nothing else. */
  contained: number;
  /** Batches that ended their process, or had no answer, while each of their inputs alone has one. */
  unrepeated: number;
}

/** Reads inputs until the time is over. */
export async function fuzz(
  name: TargetName,
  random: Random,
  milliseconds: number,
  onProgress: (progress: Progress) => void,
): Promise<Progress> {
  const target = await TARGETS[name]();
  const corpus = [...(await target.seeds())];
  const progress: Progress = { inputs: 0, accepted: 0, corpus: 0, reached: 0, found: new Map(), contained: 0, unrepeated: 0 };
  const until = performance.now() + milliseconds;
  let process = await begin(name, corpus);
  const alone = new LoneReader(name, false);
  const confirming = target.confirm ? new LoneReader(name, true) : alone;
  try {
    while (performance.now() < until) {
      const inputs = Array.from({ length: BATCH }, () => mutate(corpus, target, random));
      const answer = await process.read({ inputs, whole: false }, 2 * LIMIT);
      progress.inputs += inputs.length;
      if (isWrong(answer)) progress.unrepeated += (await findCulprit(inputs)) ? 0 : 1;
      else {
        progress.accepted += answer.outcomes.filter((outcome) => outcome === 'accepted').length;
        progress.reached = Math.max(progress.reached, answer.reached);
        corpus.push(...answer.grown.map((index) => inputs[index]!));
        const wrong = answer.outcomes.flatMap((outcome, index) => (typeof outcome === 'object' ? [inputs[index]!] : []));
        for (const input of wrong) await report(input);
        if (answer.peak > 2 * MOST_MEMORY) await findCulprit(inputs);
      }
      progress.corpus = corpus.length;
      onProgress(progress);
    }
  } finally {
    for (const each of [process, alone, confirming]) await each.stop();
  }
  return progress;

  /** One of them ended the process, or took its memory. @returns whether one does so alone. */
  async function findCulprit(inputs: readonly Buffer[]): Promise<boolean> {
    let found = false;
    for (const input of inputs) found = (await report(input)) || found;
    await restart();
    return found;
  }

  async function restart(): Promise<void> {
    await process.stop();
    process = await begin(name, corpus);
  }

  /** @returns whether anything is wrong with it. */
  async function report(input: Buffer): Promise<boolean> {
    // In the order in which they are quick: what one survives, the other need not be asked.
    const seen = await alone.wrongOf(input);
    const wrong = seen && target.confirm ? await confirming.wrongOf(input) : seen;
    if (wrong === undefined) {
      if (!seen) return false;
      progress.contained++;
      // Whatever broke it may be broken from then on.
      await alone.stop();
      await restart();
      return true;
    }
    const sign = signOf(wrong);
    if (progress.found.has(sign)) return true;
    progress.found.set(sign, { input, wrong });
    const smallest = await minimise(input, async (smaller) => {
      const still = await confirming.wrongOf(smaller);
      return still !== undefined && signOf(still) === sign;
    });
    progress.found.set(sign, { input: smallest, wrong });
    return true;
  }
}

/** A process that knows what code the corpus reaches. */
async function begin(name: TargetName, corpus: readonly Buffer[]): Promise<FuzzProcess> {
  const process = await FuzzProcess.start(name);
  const answer = await process.read({ inputs: corpus, whole: false }, corpus.length * LIMIT);
  if (isWrong(answer)) throw new Error(`The corpus cannot be read: ${answer.kind}, ${answer.message}\n${answer.stack ?? ''}`);
  return process;
}

/** Reads inputs one by one, in one process for as long as it lives. */
export class LoneReader {
  private process: FuzzProcess | undefined;
  /** What it took before the input. */
  private before = 0;

  constructor(
    private readonly name: TargetName,
    private readonly whole: boolean,
  ) {}

  /** What is wrong with one input; `undefined` if nothing is. */
  async wrongOf(input: Buffer): Promise<Wrong | undefined> {
    const { whole } = this;
    if (this.process === undefined) {
      this.process = await FuzzProcess.start(this.name);
      const idle = await this.process.read({ inputs: [], whole }, LIMIT);
      this.before = isWrong(idle) ? 0 : idle.peak;
    }
    const answer = await this.process.read({ inputs: [input], whole }, LIMIT);
    const grown = isWrong(answer) ? 0 : answer.peak - this.before;
    if (isWrong(answer) || grown > MOST_MEMORY) await this.stop();
    if (isWrong(answer)) return answer;
    const [outcome] = answer.outcomes;
    if (typeof outcome === 'object') return outcome;
    return grown > MOST_MEMORY ? { kind: 'memory', message: `${Math.round(grown / 1e6)} MB for ${input.length} bytes` } : undefined;
  }

  async stop(): Promise<void> {
    await this.process?.stop();
    this.process = undefined;
  }
}

/** What findings of one cause have in common: where it was thrown, or else the words of the message, without its numbers and names. */
function signOf({ kind, message, stack }: Wrong): string {
  if (kind === 'memory' || kind === 'hang') return kind;
  const frames = (stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  const place = kind === 'error' ? (frames.find((line) => /\/packages\//.test(line)) ?? frames[0]) : undefined;
  return `${kind}: ${place ?? message.replace(/[^a-z ].*/i, '')}`;
}
