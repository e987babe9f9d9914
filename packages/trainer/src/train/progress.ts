import { isShowtellError, ShowtellError } from '@showtell/shared/errors';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { reached } from '@showtell/shared/reached';
import type { TrainingRecord } from '@showtell/shared/schema/checkpoint';
import { newestCheckpoint, readCheckpointFiles, saveCheckpoint } from '../checkpoint/checkpoints';
import { type Cursor, decodeTrainerFiles, encodeCheckpointFiles, TRAINER_FILES } from '../checkpoint/files';
import type { Lease } from '../checkpoint/lease';
import { type Best, publishCheckpoint } from '../checkpoint/publish';
import type { MetricsLog } from '../curves/metrics-log';
import type { Vocabulary } from '../dataset/vocabulary';
import type { Batch, TrainingEngine, TrainingState } from '../engine/engine';
import { learningRateAt } from '../engine/schedule';
import { isBetter } from './best';
import { splitText } from './choose-splits';
import { differences } from './differences';
import { hasDiverged, writeDone } from './done';
import type { OnTrainEvent } from './events';
import type { Validation, ValidationResult } from './validation';

export interface ProgressContext {
  readonly store: ObjectStore;
  readonly record: TrainingRecord;
  readonly vocabulary: Vocabulary;
  readonly engine: TrainingEngine;
  readonly lease: Lease;
  readonly holder: string;
  /** Of all epochs. */
  readonly totalSteps: number;
  readonly emit: OnTrainEvent;
  /** Has heard of every event; what a checkpoint was trained with is written before the checkpoint. */
  readonly metrics: MetricsLog;
}

/** Where a training stands, and its way into checkpoints and out of them. */
export class Progress {
  #saved: number;
  #savedAt = performance.now();
  #epochBegan = performance.now();

  private constructor(
    private readonly context: ProgressContext,
    private position: Omit<Cursor, 'formatVersion'>,
  ) {
    this.#saved = position.step;
  }

  /**
   * Goes on from the newest committed checkpoint, or from the beginning when there is none.
   * @throws ShowtellError `CORRUPT_CHECKPOINT` naming the file; `TRAINING_EXISTS` when config or vocabulary are no longer the same.
   */
  static async restore(context: ProgressContext): Promise<Progress> {
    const { store, record, vocabulary, engine, lease, holder } = context;
    const newest = await newestCheckpoint(store, record.training);
    if (!newest) return new Progress(context, { seed: record.seed, step: 0, epoch: 0, batch: 0, lossSum: 0, lossCount: 0, best: null });
    const files = decodeTrainerFiles(await readCheckpointFiles(store, newest, TRAINER_FILES), newest.folder);
    const changed = [...differences(files.training, record), ...vocabularyChanges(files.vocabulary, vocabulary)];
    if (changed.length > 0)
      throw new ShowtellError(
        'TRAINING_EXISTS',
        `Checkpoint ${newest.folder} was made with other settings:\n${changed.map((line) => `  ${line}`).join('\n')}`,
        { hint: 'Train under another name: --name NAME.' },
      );
    engine.load(files.state);
    const { formatVersion: _, ...cursor } = files.cursor;
    const progress = new Progress(context, cursor);
    await publishCheckpoint(store, newest, { leaseEpoch: lease.epoch, by: holder, best: progress.#best });
    return progress;
  }

  get cursor(): Omit<Cursor, 'formatVersion'> {
    return this.position;
  }

  get end(): { readonly step: number; readonly epoch: number } {
    const { step, epoch } = this.position;
    return { step, epoch };
  }

  /** Since the last checkpoint, or the beginning. */
  get secondsSinceSaved(): number {
    return (performance.now() - this.#savedAt) / 1_000;
  }

  /** Why the training is over, or `undefined` while it is not. */
  get finished(): string | undefined {
    const { epoch, best } = this.position;
    const { epochs, patience, validationMetric } = this.context.record.hyperparameters;
    if (epoch >= epochs) return 'all epochs are done';
    const stale = best === null ? 0 : epoch - best.epoch;
    if (patience === null || stale < patience) return undefined;
    return `no better validation ${validationMetric} in ${stale} ${stale === 1 ? 'epoch' : 'epochs'} since epoch ${best!.epoch}`;
  }

  /**
   * Takes one step.
   * @param reward of captions that the captioner drew: their loss is its negative, and counts once for each caption
   * @throws ShowtellError `DIVERGED` when loss or gradient are not finite.
   */
  async step(batch: Batch, reward?: number): Promise<void> {
    const { engine, totalSteps: steps, emit } = this.context;
    const began = performance.now();
    const { loss: ofTokens, tokens, gradientNorm, applied } = await engine.step(batch);
    const loss = reward === undefined ? ofTokens : -reward;
    const seconds = (performance.now() - began) / 1000;
    const before = this.position;
    const step = before.step + 1;
    const counted = reward === undefined ? tokens : batch.captions.length;
    if (!applied) throw await this.#diverged(`at step ${step} the loss is ${ofTokens} and the norm of the gradient ${gradientNorm}`);
    this.position = {
      ...before,
      step,
      batch: before.batch + 1,
      lossSum: before.lossSum + loss * counted,
      lossCount: before.lossCount + counted,
    };
    const tokensPerSecond = Math.round(tokens / seconds);
    emit({ event: 'step', step, steps, epoch: before.epoch + 1, loss, gradientNorm, learningRate: this.#learningRate, tokensPerSecond });
    reached('train:stepped', this.context.record.training);
  }

  /**
   * Does what makes captions with the weights as they are.
   * @throws ShowtellError `DIVERGED`, then the training's end, when these give no captions any more.
   */
  async decoding<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw isShowtellError(error, 'DIVERGED') ? await this.#diverged(`after step ${this.position.step}: ${error.message}`) : error;
    }
  }

  /**
   * What validation says of the weights as they are; `null` without validation, `undefined` when it was stopped.
   * @throws ShowtellError `DIVERGED` when weights, or what they make of the validation splits, are not finite.
   */
  async validate(validation: Validation | undefined, halt: () => boolean): Promise<ValidationResult | null | undefined> {
    if (!validation) return null;
    await this.#checkWeights(this.context.engine.state());
    reached('train:validating', this.context.record.training);
    const result = await this.decoding(() => validation.run(halt));
    if (result === undefined || Number.isFinite(result.loss)) return result;
    throw await this.#diverged(`after step ${this.position.step} the validation loss is ${result.loss}`);
  }

  /** Commits the position after the last batch as the beginning of the next epoch. */
  async epochDone(validation: ValidationResult | null): Promise<void> {
    const { position } = this;
    const { step } = position;
    const epoch = position.epoch + 1;
    const { epochs, validationMetric } = this.context.record.hyperparameters;
    const better = validation !== null && (position.best === null || isBetter(validationMetric, validation, position.best));
    const best = better ? { epoch, step, ...validation } : position.best;
    this.position = { ...position, epoch, batch: 0, lossSum: 0, lossCount: 0, best };
    const loss = meanLoss(position);
    this.context.emit({
      event: 'epoch',
      epoch,
      epochs,
      step,
      loss,
      validationLoss: validation?.loss ?? null,
      validationCider: validation?.cider ?? null,
      learningRate: this.#learningRate,
      seconds: (performance.now() - this.#epochBegan) / 1_000,
      best: validation && better,
    });
    await this.#save(loss, validation);
    this.#epochBegan = performance.now();
  }

  /** Commits the position as it is, unless it is committed already. */
  async save(): Promise<void> {
    if (this.position.step > this.#saved) await this.#save(meanLoss(this.position), null);
  }

  /** Of the last step. */
  get #learningRate(): number {
    const { record, totalSteps } = this.context;
    return learningRateAt(record.hyperparameters, Math.max(1, this.position.step), totalSteps);
  }

  /** What `best` is to name, when the position is the best epoch's end. */
  get #best(): Best | null {
    const { step, best } = this.position;
    if (best?.step !== step) return null;
    const { hyperparameters, validationSplits } = this.context.record;
    const metric =
      hyperparameters.validationMetric === 'CIDEr'
        ? { name: 'validationCider', value: best.cider }
        : { name: 'validationLoss', value: best.loss };
    return { metric, split: validationSplits.map(splitText).join(', ') };
  }

  async #save(loss: number, validation: ValidationResult | null): Promise<void> {
    const { store, record, vocabulary, engine, lease, holder, emit, metrics } = this.context;
    const began = performance.now();
    const state = engine.state();
    await this.#checkWeights(state);
    // Asks the store at the last moment whether another trainer has taken over.
    await lease.renew();
    await metrics.flush();
    const { training } = record;
    reached('checkpoint:figures-kept', training);
    const { step, epoch } = this.position;
    const figures = { loss, validationLoss: validation?.loss ?? null, validationCider: validation?.cider ?? null };
    const checkpoint = await saveCheckpoint(
      store,
      { training, step, epoch, leaseEpoch: lease.epoch, ...figures, learningRate: this.#learningRate },
      encodeCheckpointFiles(record, vocabulary, this.position, state),
    );
    await publishCheckpoint(store, checkpoint, { leaseEpoch: lease.epoch, by: holder, best: this.#best });
    this.#saved = step;
    this.#savedAt = performance.now();
    emit({ event: 'checkpoint', step, folder: checkpoint.folder, seconds: (performance.now() - began) / 1000 });
  }

  async #checkWeights({ weights }: TrainingState): Promise<void> {
    for (const { name, data } of weights.values())
      if (!data.every(Number.isFinite)) throw await this.#diverged(`after step ${this.position.step} a weight of ${name} is not finite`);
  }

  /** Writes down the end of a training whose weights are not worth keeping. */
  async #diverged(reason: string): Promise<ShowtellError> {
    const { store, record, lease, emit, metrics } = this.context;
    await lease.renew();
    await metrics.flush();
    await writeDone(store, record.training, { outcome: 'diverged', ...this.end, reason });
    emit({ event: 'end', outcome: 'diverged', ...this.end, reason });
    return hasDiverged(record.training, reason);
  }
}

/** Over the epoch so far. */
const meanLoss = ({ lossSum, lossCount }: { readonly lossSum: number; readonly lossCount: number }) => lossSum / lossCount;

const SHOWN = 10;

function vocabularyChanges(there: Vocabulary, asked: Vocabulary): string[] {
  const [before, now] = [there.toJSON().words, asked.toJSON().words];
  const changed = before.length === now.length ? before.findIndex((word, id) => word !== now[id]) : Math.min(before.length, now.length);
  if (changed === -1) return [];
  const known = new Set(before);
  const wanted = new Set(now);
  const list = (words: string[]) => (words.length === 0 ? 'none' : words.slice(0, SHOWN).join(' ') + (words.length > SHOWN ? ' …' : ''));
  return [
    `vocabulary: ${before.length} words there, ${now.length} asked for; ` +
      `gone: ${list(before.filter((word) => !wanted.has(word)))}; new: ${list(now.filter((word) => !known.has(word)))}`,
  ];
}
