import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { newestCheckpoint, readCheckpointFiles } from '@showtell/trainer/checkpoint/checkpoints';
import { TRAINER_FILES } from '@showtell/trainer/checkpoint/files';
import { readMetrics } from '@showtell/trainer/curves/read-metrics';
import { Random } from '@showtell/trainer/model/random';
import { readDone } from '@showtell/trainer/train/done';
import type { TrainEvent } from '@showtell/trainer/train/events';
import { ended, startProgram } from '../../packages/cli/test/run-program';
import { openFileStore, temporaryFolder } from '../../packages/trainer/test/temporary-store';
import { writeTinyRun } from '../../packages/trainer/test/tiny-run';

const KILLS = 20;
const STEPS_PER_EPOCH = 75;
/** Everything that draws random numbers or must be remembered. */
const SETTINGS = ['batchSize=16', 'dropout=0.2', 'clipNorm=2', 'schedule=cosine', 'minWordCount=1', 'patience=6', 'shuffleWindow=100'];
const SEED = Number(process.env.SHOWTELL_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));

const folder = temporaryFolder();
const store = openFileStore(join(folder.path, 'store'));
beforeAll(async () => {
  const train = Array.from({ length: 12 }, (_, shard) => ['train', 50 * shard, 50] as const);
  await writeTinyRun(store, 'tiny', 1, { shards: [...train, ['val', 1_000, 40]] });
});
afterAll(async () => {
  await store.close();
  folder.remove();
});

/** Trains in a real process; kills it as soon as it has taken `steps` steps. */
async function life(training: string, told: TrainEvent[], steps = Number.POSITIVE_INFINITY) {
  const flags = ['--name', training, '--epochs', '6', '--seed', '5', ...SETTINGS.flatMap((setting) => ['--set', setting])];
  const settings = {
    SHOWTELL_STORE: pathToFileURL(join(folder.path, 'store')).href,
    SHOWTELL_LOCK_SECONDS: '1',
    SHOWTELL_CHECKPOINT_SECONDS: '1',
  };
  const resume = (await newestCheckpoint(store, training)) || told.length > 0 ? ['--resume'] : [];
  const child = startProgram(['train', 'tiny', ...flags, ...resume, '--here', '--json'], { cwd: folder.path, env: settings });
  let seen = 0;
  createInterface(child.stdout!).on('line', (line) => {
    const event = JSON.parse(line) as TrainEvent;
    told.push(event);
    if (event.event === 'step' && ++seen >= steps) child.kill('SIGKILL');
  });
  return ended(child);
}

const losses = (told: readonly TrainEvent[]) =>
  told.flatMap((event): [string, unknown[]][] => {
    if (event.event === 'step') return [[`step ${event.step}`, [event.loss, event.gradientNorm, event.learningRate]]];
    if (event.event === 'epoch') return [[`epoch ${event.epoch}`, [event.loss, event.validationLoss, event.validationCider, event.best]]];
    return [];
  });
const metrics = async (training: string) =>
  (await readMetrics(store, training)).map((line) => ({ ...line, time: null, seconds: null, tokensPerSecond: null }));

test(`train --here, killed by SIGKILL at ${KILLS} random steps (SHOWTELL_TEST_SEED=${SEED}) and resumed, is bit-equal to one that was not`, async () => {
  const whole: TrainEvent[] = [];
  expect(await life('whole', whole)).toMatchObject({ code: 0 });
  const log = new Map(losses(whole));
  expect(log.size).toBe(6 * STEPS_PER_EPOCH + 6);

  const random = new Random(SEED);
  const told: TrainEvent[] = [];
  for (let kills = 0; kills < KILLS; kills++) {
    // Past the end, it would not be killed.
    const left = 6 * STEPS_PER_EPOCH - ((await newestCheckpoint(store, 'killed'))?.record.step ?? 0);
    expect(await life('killed', told, 1 + random.below(Math.max(1, Math.min(STEPS_PER_EPOCH, left - 1))))).toMatchObject({ code: null });
  }
  expect(await life('killed', told)).toMatchObject({ code: 0 });

  for (const [what, figures] of losses(told)) expect([what, figures]).toEqual([what, log.get(what)]);
  expect(new Set(losses(told).map(([what]) => what))).toEqual(new Set(log.keys()));
  expect(await readDone(store, 'killed')).toEqual(await readDone(store, 'whole'));
  expect(await metrics('killed')).toEqual(await metrics('whole'));
  const files = async (training: string) => ({
    ...(await readCheckpointFiles(store, (await newestCheckpoint(store, training))!, TRAINER_FILES)),
    'training.json': undefined,
  });
  expect(await files('killed')).toEqual(await files('whole'));
}, 600_000);
