import { createInterface } from 'node:readline';
import type { Settings } from '@showtell/shared/config';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import type { AliasRecord } from '@showtell/shared/schema/checkpoint';
import { readAliases } from '@showtell/trainer/checkpoint/aliases';
import { newestCheckpoint, readCheckpointFiles } from '@showtell/trainer/checkpoint/checkpoints';
import { decodeTrainerFiles, TRAINER_FILES } from '@showtell/trainer/checkpoint/files';
import { resolveModel } from '@showtell/trainer/checkpoint/model-name';
import { readMetrics } from '@showtell/trainer/curves/read-metrics';
import { readDone } from '@showtell/trainer/train/done';
import type { TrainEvent } from '@showtell/trainer/train/events';
import { freezeTraining, type TrainingRequest } from '@showtell/trainer/train/freeze';
import { train } from '@showtell/trainer/train/train';
import type { PipelineRig } from '../pipeline-rig';
import { startShowtell, type WorkerProgram } from '../worker-program';
import type { Place } from './fault';

/** Everything that draws random numbers or must be remembered; an epoch takes milliseconds. */
export const SMALL = {
  units: 8,
  embedding: 8,
  minWordCount: 1,
  batchSize: 16,
  epochs: 6,
  dropout: 0.2,
  clipNorm: 2,
  schedule: 'cosine',
  learningRate: 0.01,
  patience: 6,
  shuffleWindow: 12,
} as const;
const SEED = 5;

export interface TrainingProgram extends WorkerProgram {
  /** What it told so far. */
  readonly events: readonly TrainEvent[];
}

export interface TrainingOptions {
  /** Of the network and the fit, in place of `SMALL`'s. */
  readonly set?: Readonly<Record<string, unknown>>;
  readonly resume?: boolean;
  readonly env?: NodeJS.ProcessEnv;
  readonly settings?: Partial<Settings>;
}

const flagsOf = (run: string, training: string, { set = {}, resume = false }: TrainingOptions): string[] => [
  'train',
  run,
  '--here',
  '--json',
  ...Object.entries({ name: training, seed: SEED, device: 'cpu', threads: 1 }).flatMap(([flag, value]) => [`--${flag}`, String(value)]),
  ...Object.entries({ ...SMALL, ...set }).flatMap(([name, value]) => ['--set', `${name}=${String(value)}`]),
  ...(resume ? ['--resume'] : []),
];

function listening(program: WorkerProgram): TrainingProgram {
  const events: TrainEvent[] = [];
  createInterface(program.child.stdout!).on('line', (line) => {
    // Killed within a line.
    if (line.endsWith('}')) events.push(JSON.parse(line) as TrainEvent);
  });
  return { ...program, events };
}

/** `showtell train RUN --here --json` in a place of faults. */
export function startTraining(
  place: Place,
  rig: PipelineRig,
  run: string,
  training: string,
  options: TrainingOptions = {},
): TrainingProgram {
  return listening(place.showtell(rig, flagsOf(run, training, options), options));
}

/** The same where nobody looks after the program. */
export function startLooseTraining(
  rig: Pick<PipelineRig, 'folder' | 'settings'>,
  run: string,
  training: string,
  options: TrainingOptions = {},
): TrainingProgram {
  return listening(startShowtell(rig, flagsOf(run, training, options), options));
}

/** A complete run to train on, of training and validation photos. */
export async function encodedRun(rig: PipelineRig): Promise<string> {
  const { run } = await rig.enqueue({ dataset: 'synthetic:40', splits: ['train', 'val'] });
  await rig.drain();
  return run;
}

export const requestOf = (run: string, training: string, set: TrainingOptions['set'] = {}): TrainingRequest => ({
  runs: [run],
  training,
  hyperparameters: { ...SMALL, ...set },
  seed: SEED,
});

/** Trains in this process, with nothing to disturb it. */
export async function undisturbed(
  store: ObjectStore,
  run: string,
  training = 'undisturbed',
  set: TrainingOptions['set'] = {},
): Promise<void> {
  await freezeTraining(store, requestOf(run, training, set));
  await train(store, training, { holder: training, threads: 1 });
}

export const latestOf = async (store: ObjectStore, training: string): Promise<AliasRecord | undefined> =>
  (await readAliases(store, training)).get('latest');

const stepsTold = (events: readonly TrainEvent[]) => events.flatMap((event) => (event.event === 'step' ? [event.step] : []));

/** I4: `latest` restores, and its step is no later than the last one told. */
export async function checkLatest(store: ObjectStore, training: string, told: readonly TrainEvent[]): Promise<void> {
  const latest = await latestOf(store, training);
  if (latest === undefined) return;
  const checkpoint = await resolveModel(store, `${training}@latest`);
  const { cursor, state } = decodeTrainerFiles(await readCheckpointFiles(store, checkpoint, TRAINER_FILES), checkpoint.folder);
  expect([cursor.step, state.step]).toEqual([latest.step, latest.step]);
  expect(latest.step).toBeLessThanOrEqual(Math.max(...stepsTold(told)));
  // What was told before a checkpoint is kept before it.
  const kept = (await readMetrics(store, training)).flatMap((line) => (line.event === 'step' ? [line.step] : []));
  expect(latest.step).toBeLessThanOrEqual(Math.max(...kept));
}

/**
 * Whoever took the steps, and however often, they are those of a training that nothing befell, to the last bit: what was told, what is kept
 * and the last weights.
 */
export async function checkSameAs(
  store: ObjectStore,
  training: string,
  told: readonly TrainEvent[],
  undisturbedTraining = 'undisturbed',
): Promise<void> {
  const figures = async (name: string): Promise<Record<string, unknown>[]> =>
    (await readMetrics(store, name)).map((line) => ({ ...line, time: null, seconds: null, tokensPerSecond: null }));
  const files = async (name: string) => ({
    ...(await readCheckpointFiles(store, (await newestCheckpoint(store, name))!, TRAINER_FILES)),
    // Has the training's name in it.
    'training.json': undefined,
  });
  expect(await readDone(store, training)).toEqual(await readDone(store, undisturbedTraining));
  expect(await files(training)).toEqual(await files(undisturbedTraining));
  const kept = await figures(undisturbedTraining);
  expect(await figures(training)).toEqual(kept);
  const losses = new Map(kept.map((line) => [`${String(line['event'])} ${String(line['step'])}`, line['loss']]));
  for (const event of told)
    if (event.event === 'step' || event.event === 'epoch')
      expect([event.event, event.step, event.loss]).toEqual([event.event, event.step, losses.get(`${event.event} ${event.step}`)]);
}
