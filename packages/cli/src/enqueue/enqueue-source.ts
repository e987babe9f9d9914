import { checkPrecision } from '@showtell/encoder-worker/encoder/engines/engine';
import { checkWeightsPrecision } from '@showtell/encoder-worker/encoder/weights/check-precision';
import { putWeights } from '@showtell/encoder-worker/encoder/weights/keep';
import { resolveWeights } from '@showtell/encoder-worker/encoder/weights/resolve';
import { type EnqueueReport, enqueue } from '@showtell/ingest/admin/enqueue';
import { openDataset } from '@showtell/ingest/source/open';
import { ShowtellError } from '@showtell/shared/errors';
import type { Precision } from '@showtell/shared/schema/encoder-identity';
import { findPreset } from '@showtell/trainer/model/presets/presets';
import type { CommandContext } from '../context';
import { withDownloadProgress } from '../output/download-progress';
import { progressOfSteps } from '../output/steps-progress';
import { type CalibrationRequest, checkCalibrationRequest, openCalibration } from './calibration';

export interface EnqueueRequest extends CalibrationRequest {
  /** What a person names, as `openDataset` reads it. */
  readonly source: string;
  readonly run?: string | undefined;
  /** Empty for all. */
  readonly splits?: readonly string[] | undefined;
  readonly shardRows?: number | undefined;
  /** Pictures that an encoder computes at once. */
  readonly microBatch?: number | undefined;
  /** As `resolveWeights` reads it. */
  readonly weights: string;
  readonly precision?: Precision | undefined;
  /** Run that has encoded a part of it. */
  readonly base?: string | undefined;
  readonly train?: string | undefined;
  /** The run's share of the workers. */
  readonly priority?: number | undefined;
  readonly strict?: boolean | undefined;
  readonly dryRun?: boolean | undefined;
  /** Default: the store's own. */
  readonly sourceEndpoint?: string | undefined;
  readonly unsigned?: boolean | undefined;
  /** Folder of the photos that a captions file names, relative to the dataset. */
  readonly photos?: string | undefined;
}

const LABELS = {
  scan: 'Reading the source',
  base: 'Reading the base',
  calibrate: 'Calibrating the encoder',
  plan: 'Writing the plan',
  jobs: 'Adding jobs',
} as const;

/** Resolves dataset and weights and enqueues a run of them. Errors as of `enqueue`, `openDataset`, `resolveWeights`, `findPreset`. */
export async function enqueueSource(context: CommandContext, request: EnqueueRequest): Promise<EnqueueReport> {
  const { settings, signal } = context;
  const { source: text, weights: spec, sourceEndpoint, unsigned, photos, calibration: folder, calibrationPhotos, ...rest } = request;
  const precision = request.precision ?? 'float32';
  if (request.train !== undefined) findPreset(request.train);
  checkPrecision(precision);
  checkCalibrationRequest(request, precision, request.base);
  checkReached(request);
  const endpoint = sourceEndpoint ?? settings.s3Endpoint;
  const source = await openDataset(text, { ...defined({ endpoint, unsigned, photos }), signal });
  const weights = await withDownloadProgress('Fetching the weights', (onProgress) =>
    resolveWeights(spec, { store: context.store, imagenet: { url: settings.imagenetUrl }, onProgress, signal }),
  );
  checkWeightsPrecision(weights, precision);
  const bars = progressOfSteps(LABELS);
  const onPhoto = (done: number, total: number) => bars.update({ step: 'calibrate', done, total });
  const calibrate =
    precision === 'int8'
      ? await openCalibration(weights, { calibration: folder, calibrationPhotos, store: context.store, onPhoto, signal })
      : undefined;
  try {
    return await enqueue({
      ...context,
      ...defined(rest),
      source,
      weights: {
        spec: weights.spec,
        encoder: weights.encoder,
        sha256: weights.sha256,
        preprocessing: weights.preprocessing,
        dimension: weights.dimension,
        put: () => putWeights(context.store, weights, { signal }),
        calibrate,
      },
      onProgress: bars.update,
    });
  } finally {
    bars.end();
  }
}

/** What says how a source in S3 is reached says nothing of another one. */
function checkReached({ source, sourceEndpoint, unsigned }: EnqueueRequest): void {
  const flag = sourceEndpoint !== undefined ? '--source-endpoint' : unsigned === true ? '--no-sign-request' : undefined;
  if (flag !== undefined && !/^s3:/i.test(source))
    throw new ShowtellError('USAGE', `Expected an s3:// address as the source with ${flag} but received ${JSON.stringify(source)}`);
  if (sourceEndpoint !== undefined && !/^https?:\/\/[^/]/i.test(sourceEndpoint))
    throw new ShowtellError(
      'USAGE',
      `Expected an address that begins with http:// or https:// for --source-endpoint but received ${JSON.stringify(sourceEndpoint)}`,
    );
}

/** Without the members that are `undefined`. */
function defined<T extends object>(value: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as never;
}
