import { setImmediate as breathe } from 'node:timers/promises';
import { ShowtellError } from '@showtell/shared/errors';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import type { TrainingRecord } from '@showtell/shared/schema/checkpoint';
import { newestCheckpoint } from '../checkpoint/checkpoints';
import { Lease } from '../checkpoint/lease';
import { MetricsLog } from '../curves/metrics-log';
import { batchAt, batchCount, epochOrder } from '../dataset/batches';
import type { TrainingEngine } from '../engine/engine';
import { createOnnxTrainingEngine, type OnnxTrainingOptions } from '../engine/onnx';
import { loadTrainingData } from './data';
import { readDone, writeDone } from './done';
import type { OnTrainEvent } from './events';
import { readTraining } from './freeze';
import { DIVERGED_HINT, Progress } from './progress';
import { validationLossOf } from './validation';

export interface TrainOptions {
  /** Names this process in lease, aliases and messages; no two processes may have the same. */
  readonly holder: string;
  /** Default 30. */
  readonly leaseSeconds?: number;
  /** Checkpoints between those at the end of each epoch; none by default. */
  readonly checkpointSteps?: number;
  /** Threads of the engine; 0 (the default) for every core. */
  readonly threads?: number;
  /** Ends the training after the step going on, with a checkpoint. */
  readonly signal?: AbortSignal;
  readonly onEvent?: OnTrainEvent;
  readonly createEngine?: (options: OnnxTrainingOptions) => Promise<TrainingEngine>;
}

export interface TrainEnd {
  /** `stopped`: `signal` was aborted; calling `train` again goes on where it stopped. */
  readonly outcome: 'completed' | 'stopped';
  readonly step: number;
  readonly epoch: number;
}

/**
 * Trains what `training.json` of that name says, from the newest checkpoint or the beginning, to the end or until told to stop.
 * Stopped, killed and resumed any number of times it takes the same steps as if never interrupted.
 * @throws ShowtellError `DIVERGED` naming the step; `LEASE_HELD` (another trainer works on it), `FENCED` (another has taken over);
 * `NOT_FOUND`, `CORRUPT_SHARD`, `CORRUPT_CHECKPOINT`, `EMPTY_DATASET`; the store's errors.
 */
export async function train(store: ObjectStore, training: string, options: TrainOptions): Promise<TrainEnd> {
  const { holder, leaseSeconds = 30, signal, onEvent: emit = () => {} } = options;
  const record = await readTraining(store, training);
  const done = await readDone(store, training);
  if (done?.outcome === 'completed') return { outcome: 'completed', step: done.step, epoch: done.epoch };
  if (done) throw new ShowtellError('DIVERGED', `Training ${training} has diverged: ${done.reason}`, { hint: DIVERGED_HINT });
  await store.probe();
  const onTrouble = (error: unknown) => emit({ event: 'trouble', what: 'could not renew or release the lease', error });
  const onWait = (other: string) => emit({ event: 'waiting', training, holder: other, seconds: leaseSeconds });
  let lease: Lease | undefined;
  try {
    lease = await Lease.acquire(store, training, { holder, leaseSeconds, onTrouble, onWait, ...(signal && { signal }) });
    const end = await fit(store, record, lease, options, emit);
    if (end.outcome === 'completed') await writeDone(store, training, { ...end, outcome: 'completed', reason: 'all epochs are done' });
    emit({ event: 'end', ...end });
    return end;
  } catch (error) {
    if (!signal?.aborted || error !== signal.reason) throw error;
    // Stopped while it waited for the lease or read the dataset: nothing is lost.
    const newest = await newestCheckpoint(store, training);
    return { outcome: 'stopped', step: newest?.record.step ?? 0, epoch: newest?.record.epoch ?? 0 };
  } finally {
    await lease?.release().catch(onTrouble);
  }
}

async function fit(
  store: ObjectStore,
  record: TrainingRecord,
  lease: Lease,
  { holder, signal, threads = 0, checkpointSteps, createEngine = createOnnxTrainingEngine }: TrainOptions,
  tell: OnTrainEvent,
): Promise<TrainEnd> {
  const { training, hyperparameters, seed } = record;
  const { epochs, batchSize } = hyperparameters;
  const data = await loadTrainingData(store, record, signal);
  const { vocabulary, dropped } = data;
  const { dimension } = data.train;
  const samples = data.train.captions.length;
  const validationSamples = data.validation?.captions.length ?? 0;
  const stepsPerEpoch = batchCount(samples, batchSize);
  const halt = () => {
    lease.signal.throwIfAborted();
    return signal?.aborted === true;
  };
  const metrics = new MetricsLog(store, training, lease.epoch);
  const emit: OnTrainEvent = (event) => {
    metrics.record(event);
    tell(event);
  };
  const engine = await createEngine({ hyperparameters, vocabularySize: vocabulary.size, dimension, threads, seed });
  try {
    const progress = await Progress.restore({ store, record, vocabulary, engine, lease, holder, stepsPerEpoch, emit, metrics });
    const { step } = progress.cursor;
    const sizes = { samples, validationSamples, vocabulary: vocabulary.size, dropped, epochs, stepsPerEpoch };
    emit({ event: 'start', training, leaseEpoch: lease.epoch, ...sizes, step });
    while (progress.cursor.epoch < epochs) {
      const order = epochOrder(seed, progress.cursor.epoch, samples);
      while (progress.cursor.batch < stepsPerEpoch && !halt()) {
        await progress.step(batchAt(data.train, order, batchSize, progress.cursor.batch));
        // The end of an epoch has a checkpoint of its own.
        const due = checkpointSteps !== undefined && progress.cursor.step % checkpointSteps === 0;
        if (due && progress.cursor.batch < stepsPerEpoch) await progress.save();
        // Steps block the event loop: here the renewals of the lease and of the job's lock get their turn.
        await breathe();
      }
      const validationLoss = data.validation ? await validationLossOf(engine, data.validation, batchSize, halt) : null;
      if (halt() || validationLoss === undefined) {
        await progress.save();
        return { outcome: 'stopped', ...progress.end };
      }
      await progress.epochDone(validationLoss);
    }
    return { outcome: 'completed', ...progress.end };
  } finally {
    await engine.close();
  }
}
