import { checkPrecision } from '@showtell/encoder-worker/encoder/engines/engine';
import { putWeights } from '@showtell/encoder-worker/encoder/weights/keep';
import { resolveWeights } from '@showtell/encoder-worker/encoder/weights/resolve';
import { type EnqueueProgress, type EnqueueReport, enqueue } from '@showtell/ingest/admin/enqueue';
import { openDataset } from '@showtell/ingest/source/open';
import type { Precision } from '@showtell/shared/schema/encoder-identity';
import { findPreset } from '@showtell/trainer/model/presets/presets';
import type { CommandContext } from '../context';
import { type Progress, startProgress } from '../output/progress';

export interface EnqueueRequest {
  /** What a person names: a folder, an address or `synthetic:N`. */
  readonly source: string;
  readonly run?: string | undefined;
  /** Empty for all. */
  readonly splits?: readonly string[] | undefined;
  readonly shardRows?: number | undefined;
  /** Pictures that an encoder computes at once. */
  readonly microBatch?: number | undefined;
  /** `bundled` or the path of a Keras `.h5` file. */
  readonly weights: string;
  readonly precision?: Precision | undefined;
  readonly train?: string | undefined;
  readonly strict?: boolean | undefined;
  readonly dryRun?: boolean | undefined;
  /** Default: the store's own. */
  readonly sourceEndpoint?: string | undefined;
  readonly unsigned?: boolean | undefined;
}

const LABELS = { scan: 'Reading the source', plan: 'Writing the plan', jobs: 'Adding jobs' } as const;

/** Resolves dataset and weights and enqueues a run of them. Errors as of `enqueue`, `openDataset`, `resolveWeights`, `findPreset`. */
export async function enqueueSource(context: CommandContext, request: EnqueueRequest): Promise<EnqueueReport> {
  const { settings, signal } = context;
  const { source: text, weights: spec, sourceEndpoint, unsigned, ...rest } = request;
  if (request.train !== undefined) findPreset(request.train);
  if (request.precision !== undefined) checkPrecision(request.precision);
  const endpoint = sourceEndpoint ?? settings.s3Endpoint;
  const source = openDataset(text, { ...(endpoint !== undefined && { endpoint }), ...(unsigned === true && { unsigned }) });
  const weights = await resolveWeights(spec);
  const bars = progressOfSteps();
  try {
    return await enqueue({
      ...context,
      ...defined(rest),
      source,
      weights: {
        spec,
        encoder: weights.encoder,
        sha256: weights.sha256,
        preprocessing: weights.preprocessing,
        dimension: weights.dimension,
        put: () => putWeights(context.store, weights, { signal }),
      },
      onProgress: bars.update,
    });
  } finally {
    bars.end();
  }
}

/** One bar after the other, on a terminal only: elsewhere the report says it all. */
function progressOfSteps(): { update: (progress: EnqueueProgress) => void; end: () => void } {
  let current: { readonly step: EnqueueProgress['step']; readonly bar: Progress } | undefined;
  return {
    update: ({ step, done, total }) => {
      if (!process.stderr.isTTY) return;
      if (current?.step !== step) {
        current?.bar.end();
        current = { step, bar: startProgress(LABELS[step], total, { passing: true }) };
      }
      current.bar.update(done);
    },
    end: () => current?.bar.end(),
  };
}

/** Without the members that are `undefined`. */
function defined<T extends object>(value: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as never;
}
