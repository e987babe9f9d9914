import { setImmediate as breathe } from 'node:timers/promises';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import type { TrainingRecord } from '@showtell/shared/schema/checkpoint';
import { decodingOf } from '../checkpoint/files';
import type { Lease } from '../checkpoint/lease';
import { MetricsLog } from '../curves/metrics-log';
import { batchCount, batchesOf, type SampledBatch } from '../dataset/batches';
import { type EpochOrder, shardSamples, wholeOrder, windowedOrder } from '../dataset/epoch-order';
import { defaultFeatureMemory } from '../dataset/feature-memory';
import type { FeatureTable } from '../dataset/feature-table';
import { type CaptionSamples, sampleCount } from '../dataset/samples';
import { createDecoder } from '../decoding/decoder';
import type { CreateTrainingEngine } from '../engine/engine';
import { createOnnxTrainingEngine } from '../engine/onnx';
import { architectureOf, initialParameters } from '../model/parameters';
import { loadTrainingData } from './data';
import type { OnTrainEvent } from './events';
import { Progress } from './progress';
import { SelfCritical } from './self-critical';
import { Validation } from './validation';
import { readWarmStart } from './warm-start';

export interface FitOptions {
  /** Names this process in lease, aliases and messages; no two processes may have the same. */
  readonly holder: string;
  /** Steps between checkpoints within an epoch; none of that kind by default. */
  readonly checkpointSteps?: number;
  /** Seconds between checkpoints within an epoch; default 900. */
  readonly checkpointSeconds?: number;
  /** Bytes of features that are kept in memory; default half of this machine's. It changes nothing but the time that a step takes. */
  readonly featureMemory?: number | undefined;
  /** Threads of the engine; 0 (the default) for every core. */
  readonly threads?: number;
  /** Ends the training after the step going on, with a checkpoint. */
  readonly signal?: AbortSignal;
  readonly onEvent: OnTrainEvent;
  readonly createEngine?: CreateTrainingEngine;
}

export interface FitEnd {
  readonly step: number;
  readonly epoch: number;
  /** Why the training is over; `undefined` when it was stopped. */
  readonly finished: string | undefined;
}

const CHECKPOINT_SECONDS = 900;

/** Takes the steps of a training whose lease is held, epoch after epoch, from its newest checkpoint on. Errors as of `train`. */
export async function fit(store: ObjectStore, record: TrainingRecord, lease: Lease, options: FitOptions): Promise<FitEnd> {
  const { training, hyperparameters, seed } = record;
  const { epochs, batchSize } = hyperparameters;
  const { holder, signal, threads = 0, featureMemory = defaultFeatureMemory(), createEngine = createOnnxTrainingEngine } = options;
  const { checkpointSteps = Number.POSITIVE_INFINITY, checkpointSeconds = CHECKPOINT_SECONDS } = options;
  const halt = () => {
    lease.signal.throwIfAborted();
    return signal?.aborted === true;
  };
  const metrics = new MetricsLog(store, training, lease.epoch);
  const emit: OnTrainEvent = (event) => {
    metrics.record(event);
    options.onEvent(event);
  };

  const warm = record.from === null ? undefined : await readWarmStart(store, record.from);
  const data = await loadTrainingData(store, record, { featureMemory, vocabulary: warm?.vocabulary, signal });
  const { vocabulary, features, train, dropped, featureBytes } = data;
  const sizes = { dimension: features.dimension, vocabularySize: vocabulary.size };
  const selfCritical =
    hyperparameters.objective === 'self-critical' ? new SelfCritical({ hyperparameters, seed, captions: train }) : undefined;
  const trainedOn = selfCritical?.images ?? train;
  const samples = sampleCount(trainedOn);
  const stepsPerEpoch = batchCount(samples, batchSize);
  const totalSteps = epochs * stepsPerEpoch;
  const closing: (() => Promise<void>)[] = [() => features.close()];
  try {
    const architecture = architectureOf(hyperparameters, sizes.dimension, sizes.vocabularySize);
    const initial = warm?.weights ?? initialParameters(architecture, seed, data.statistics);
    const engine = await createEngine({ hyperparameters, ...sizes, totalSteps, threads, seed, initial });
    closing.unshift(() => engine.close());
    const progress = await Progress.restore({ store, record, vocabulary, engine, lease, holder, totalSteps, emit, metrics });
    const decoder =
      data.validation || selfCritical
        ? await createDecoder({ weights: engine.weights(), architecture, decoding: decodingOf(hyperparameters), threads })
        : undefined;
    if (decoder) closing.unshift(() => decoder.close());
    const validation =
      data.validation && decoder && new Validation({ data: data.validation, features, vocabulary, batchSize, engine, decoder });
    const take = async (batch: SampledBatch) => {
      if (!selfCritical || !decoder) return progress.step(batch);
      decoder.load(engine.weights());
      const { batch: drawn, reward } = await progress.decoding(() =>
        selfCritical.rewarded(decoder, batch.features, batch.samples, progress.cursor.step),
      );
      return progress.step(drawn, reward);
    };
    emit({
      event: 'start',
      training,
      objective: hyperparameters.objective,
      leaseEpoch: lease.epoch,
      samples,
      validationSamples: data.validation ? sampleCount(data.validation.samples) : 0,
      vocabulary: vocabulary.size,
      dropped,
      epochs,
      stepsPerEpoch,
      featureBytes,
      featureMemory,
      images: features.rows,
      shuffleBytes: Math.min(featureBytes, 2 * (hyperparameters.shuffleWindow ?? Number.POSITIVE_INFINITY) * 4 * features.dimension),
      step: progress.cursor.step,
    });

    while (progress.finished === undefined) {
      const { epoch, batch: first } = progress.cursor;
      for await (const batch of batchesOf(features, trainedOn, orderOf(record, features, trainedOn, epoch), batchSize, first)) {
        if (halt()) break;
        await take(batch);
        const due = progress.cursor.step % checkpointSteps === 0 || progress.secondsSinceSaved >= checkpointSeconds;
        // The end of an epoch has a checkpoint of its own.
        if (due && progress.cursor.batch < stepsPerEpoch) await progress.save();
        // Steps block the event loop: here the renewals of the lease and of the job's lock get their turn.
        await breathe();
      }
      const result = await progress.validate(validation, halt);
      if (halt() || result === undefined) {
        await progress.save();
        return { ...progress.end, finished: undefined };
      }
      await progress.epochDone(result);
    }
    return { ...progress.end, finished: progress.finished };
  } finally {
    for (const close of closing) await close();
  }
}

function orderOf({ seed, hyperparameters }: TrainingRecord, features: FeatureTable, train: CaptionSamples, epoch: number): EpochOrder {
  const { shuffleWindow } = hyperparameters;
  return shuffleWindow === null
    ? wholeOrder(seed, epoch, sampleCount(train))
    : windowedOrder(seed, epoch, shardSamples(features, train), shuffleWindow);
}
