import { ShowtellError } from '@showtell/shared/errors';
import { canonicalJson, sha256 } from '@showtell/shared/hash';
import { checkName, slug } from '@showtell/shared/names';
import type { Precision } from '@showtell/shared/schema/encoder-identity';
import { RUN_FORMAT, RunRecord, type SourceAddress } from '@showtell/shared/schema/run';
import { z } from 'zod';

/** What a run is asked for; whatever is left out has its default. */
export interface RunRequest {
  readonly source: SourceAddress;
  /** Default: made from the source's name and a hash of everything below, so that the same request is the same run. */
  readonly run?: string;
  /** Default: all that the source has. */
  readonly splits?: readonly string[];
  readonly weights: {
    /** Name of the encoder. */
    readonly encoder: string;
    readonly sha256: string;
    readonly preprocessing: string;
    readonly dimension: number;
    /** What the user named: `bundled`, a path or a URL. */
    readonly spec: string;
  };
  readonly precision?: Precision;
  readonly shardRows?: number;
  readonly microBatch?: number;
  readonly strict?: boolean;
  /** Run of the same encoder, of which everything that has not changed is taken over. */
  readonly base?: string;
  /** Preset of the training that follows the run. */
  readonly train?: string;
}

/** Turns a request into the record that is stored as `run.json`. Pure. Throws `CONFIG_INVALID`. */
export function freezeRequest(request: RunRequest): RunRecord {
  const { source, weights, train, base } = request;
  const frozen = {
    formatVersion: RUN_FORMAT,
    source,
    splits: [...new Set(request.splits)].sort(),
    encoder: weights.encoder,
    weights: weights.spec,
    weightsSha256: weights.sha256,
    dimension: weights.dimension,
    preprocessing: weights.preprocessing,
    precision: request.precision ?? 'float32',
    shardRows: request.shardRows ?? 512,
    microBatch: request.microBatch ?? 32,
    strict: request.strict ?? false,
    ...(base !== undefined && { base: checkName('run', base) }),
    ...(train !== undefined && { train }),
  };
  const run = request.run === undefined ? defaultName(frozen) : checkName('run', request.run);
  const parsed = RunRecord.safeParse({ ...frozen, run });
  if (!parsed.success) throw new ShowtellError('CONFIG_INVALID', `The run cannot be made as asked for: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

/** Where the weights were read from does not make them others: their sha256 does. */
const identifying = (request: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(request).filter(([name]) => name !== 'weights'));

function defaultName(frozen: Record<string, unknown> & { source: SourceAddress }): string {
  const path = frozen.source.url.replace(/\/+$/, '');
  // `synthetic:2000` as a whole; of a path or bucket the last part.
  const readable = slug(decodeName(path.slice(path.lastIndexOf('/') + 1))) || 'run';
  return `${/[a-z]/.test(readable[0]!) ? '' : 'run-'}${readable}-${sha256(canonicalJson(identifying(frozen))).slice(0, 8)}`;
}

function decodeName(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** One line for each setting in which two requests differ; empty when they are the same run. */
export function differences(existing: RunRecord, asked: RunRecord): string[] {
  const [before, after] = [identifying(existing), identifying(asked)];
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .sort()
    .filter((name) => canonicalJson([before[name] ?? null]) !== canonicalJson([after[name] ?? null]))
    .map((name) => `${name}: the run has ${show(before[name])}, asked for ${show(after[name])}`);
}

const show = (value: unknown) => (value === undefined ? 'none' : canonicalJson(value));

/** @throws ShowtellError `RUN_EXISTS` with the differences. */
export function checkSameRequest(existing: RunRecord, asked: RunRecord): void {
  const found = differences(existing, asked);
  if (found.length > 0)
    throw new ShowtellError(
      'RUN_EXISTS',
      `The run ${asked.run} exists with other settings:\n${found.map((line) => `  ${line}`).join('\n')}`,
      {
        hint: 'Give the new run another name with --run, or ask for the settings of the run that is there.',
      },
    );
}
