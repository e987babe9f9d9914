import { join } from 'node:path';
import { loadCaptioner } from '@showtell/captioner/load';
import type { RunStatus } from '@showtell/ingest/admin/status';
import { readCommits } from '@showtell/ingest/commits';
import { newestManifest } from '@showtell/shared/manifests';
import type { Queues } from '@showtell/shared/queue/queues';
import { enqueueTraining } from '@showtell/trainer/admin/enqueue-training';
import { type CaptionedImage, captionSplit } from '@showtell/trainer/caption-split';
import { openModel } from '@showtell/trainer/checkpoint/open-model';
import { pullCheckpoint } from '@showtell/trainer/checkpoint/pull';
import type { TrainEvent } from '@showtell/trainer/train/events';
import type { CommandContext } from '../context';
import { DEMO } from '../demo-settings';
import { enqueueSource } from '../enqueue/enqueue-source';
import type { Services } from '../local/services';
import { formatCount, plural } from '../output/format';
import { print } from '../output/print';
import { type Progress, startProgress } from '../output/progress';
import { followRun } from '../status/follow-run';
import { noteOf } from '../status/wait-for-run';
import { followTraining } from '../train/follow-training';
import { showEvents } from '../train/show-events';
import { drawnPicture } from './drawn-picture';
import { formatCaptions, formatScore } from './report';
import { type Score, scoreCaptions } from './score';
import type { Stages } from './stages';

export interface Demo {
  readonly context: CommandContext;
  readonly queues: Queues;
  readonly services: Services;
  /** Temporary. */
  readonly folder: string;
}

/** One name serves run and training: nothing else is in this store. */
const NAME = 'demo';
/** Small shards, so that two encoders end at nearly the same moment. */
const SHARD_ROWS = 64;
/** An encoder needs 0.8 GB for 8 pictures at once and 1.5 GB for 32, and is no faster. Two of them must fit in a small machine. */
const MICRO_BATCH = 8;
/** Captions that are printed. */
const SHOWN = 8;

/** Plans the run and waits until every picture is a feature in a committed shard. */
export async function encodePictures({ context, queues, services }: Demo, stages: Stages): Promise<RunStatus> {
  const { source, weights } = DEMO;
  const { samples, splits } = await enqueueSource(context, { source, weights, run: NAME, shardRows: SHARD_ROWS, microBatch: MICRO_BATCH });
  const captions = splits.reduce((sum, split) => sum + split.captions, 0);
  stages.end('Plan', `${plural(samples.planned, 'picture')}, ${plural(captions, 'caption')}`);

  const begun = performance.now();
  let bar: Progress | undefined;
  try {
    const run = await followRun({
      ...context,
      queues,
      run: NAME,
      onStatus: (status) => {
        bar ??= startProgress('Encoding', status.samples.planned);
        bar.update(status.samples.committed + status.samples.rejected, noteOf(status));
      },
    });
    // The trainer and the captioner need their memory.
    await services.stop('encoder');
    const rate = (run.samples.committed * 1_000) / (performance.now() - begun);
    const share = await encoderShare(context);
    stages.end('Encode', `${rate.toFixed(1)} pictures/s; the encoders spent ${share} of their time in InceptionV3`);
    return run;
  } finally {
    bar?.end();
  }
}

/** How much of the encoder workers' time was computing; the rest is fetching pixels and committing. */
async function encoderShare({ store, signal }: CommandContext): Promise<string> {
  const executions = Array.from((await readCommits(store, NAME, { signal })).values(), ({ execution }) => execution);
  const sum = (of: 'seconds' | 'encodeSeconds') => executions.reduce((total, execution) => total + execution[of], 0);
  return `${Math.round((100 * sum('encodeSeconds')) / sum('seconds'))} %`;
}

export interface Trained {
  readonly epochs: readonly (TrainEvent & { event: 'epoch' })[];
  readonly vocabulary: number;
  readonly steps: number;
}

/** Has the trainer fit a captioner on the features. */
export async function trainCaptioner({ context, queues }: Demo, stages: Stages): Promise<Trained> {
  const { preset, hyperparameters } = DEMO;
  const epochs: (TrainEvent & { event: 'epoch' })[] = [];
  let vocabulary = 0;
  const shown = showEvents();
  const onEvent = (event: TrainEvent) => {
    if (event.event === 'start') vocabulary = event.vocabulary;
    if (event.event === 'epoch') epochs.push(event);
    // Of a checkpoint at each epoch the demo needs no line.
    if (event.event !== 'checkpoint') shown.onEvent(event);
  };
  try {
    await enqueueTraining(context.store, queues, { runs: [NAME], training: NAME, preset, hyperparameters });
    const { step } = await followTraining({ ...context, queues, training: NAME, onEvent });
    stages.end('Train', `${formatCount(step)} steps, ${plural(hyperparameters.epochs, 'epoch')}, ${plural(vocabulary, 'word')}`);
    return { epochs, vocabulary, steps: step };
  } finally {
    shown.end();
  }
}

/** Captions every test picture from its feature, and the first few again from the picture itself, as a deployer would. */
export async function captionPictures({ context, folder }: Demo, stages: Stages): Promise<Score> {
  const { store, signal } = context;
  const checkpoint = await pullCheckpoint(store, NAME, join(folder, 'captioner'), { signal });
  const { manifest } = await newestManifest(store, NAME, signal);
  const captioned: CaptionedImage[] = [];
  for await (const image of captionSplit(store, await openModel(store, checkpoint.path), { manifest, split: 'test', signal }))
    captioned.push(image);
  const score = scoreCaptions(captioned);
  const shown = score.pictures.slice(0, SHOWN);
  const captioner = await loadCaptioner(checkpoint.path, { signal });
  try {
    const captions = await captioner.caption(await Promise.all(shown.map(({ imageId }) => drawnPicture(imageId))));
    const photos = captions.map((result, index) => {
      if ('error' in result) throw result.error;
      return { imageId: shown[index]!.imageId, caption: result.caption };
    });
    stages.end('Caption', `${plural(score.pictures.length, 'test picture')} from features, ${SHOWN} from pixels`);
    print(`\n${formatCaptions(scoreCaptions(photos).pictures)}\n${formatScore(score)}`);
  } finally {
    await captioner.close();
  }
  return score;
}
