import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { checkpointKeys, listCheckpoints, readCheckpointFiles } from '@showtell/trainer/checkpoint/checkpoints';
import { decodeTrainerFiles, TRAINER_FILES } from '@showtell/trainer/checkpoint/files';
import type { Batch, TrainingEngineOptions } from '@showtell/trainer/engine/engine';
import { createOnnxTrainingEngine } from '@showtell/trainer/engine/onnx';
import { readDone } from '@showtell/trainer/train/done';
import type { TrainEvent } from '@showtell/trainer/train/events';
import { freezeTraining } from '@showtell/trainer/train/freeze';
import { train } from '@showtell/trainer/train/train';
import { checkInvariants } from '../invariants';
import { describeFault } from './fault';
import { checkLatest, encodedRun, latestOf, requestOf, SMALL, startTraining } from './training-program';

/** No number of weights or moments in any checkpoint is anything but finite. */
async function checkSound(store: ObjectStore, training: string): Promise<void> {
  for (const checkpoint of await listCheckpoints(store, training)) {
    const { state } = decodeTrainerFiles(await readCheckpointFiles(store, checkpoint, TRAINER_FILES), checkpoint.folder);
    for (const tensors of [state.weights, state.m, state.v])
      for (const { name, data } of tensors.values())
        expect([checkpoint.folder, name, data.every(Number.isFinite)]).toEqual([checkpoint.folder, name, true]);
  }
}

/** In the second epoch, so that a good checkpoint is there. */
const BAD_STEP = 14;
const GOOD_STEP = 10;

type Spoil = (batch: Batch) => Batch;
const weighted =
  (weight: number): Spoil =>
  (batch) => ({ ...batch, weights: batch.captions.map(({ length }) => new Float32Array(length - 1).fill(weight)) });

describeFault(39, 'a loss, gradient or rate that is not finite', {}, (place) => {
  test('a learning rate × 10⁶ ends with 5 at the step where it diverges; again, it says the same', async () => {
    const rig = await place.rig();
    const { store } = rig;
    const run = await encodedRun(rig);
    const set = { learningRate: SMALL.learningRate * 1e6, clipNorm: null };
    const first = startTraining(place, rig, run, 'wild', { set });
    expect({ ...(await first.exit), said: first.said() }).toEqual({
      code: 5,
      signal: null,
      said: expect.stringMatching(
        /^DIVERGED: Training wild has diverged: at step \d+ the loss is \S+ and the norm of the gradient \S+\n {2}Train again under another name .*; the last good checkpoint is kept\.\n$/m,
      ),
    });
    const step = first.events.filter(({ event }) => event === 'step').length;
    expect(first.said()).toContain(`at step ${step + 1} `);
    expect(await readDone(store, 'wild')).toMatchObject({ outcome: 'diverged', step });
    await checkSound(store, 'wild');
    await checkLatest(store, 'wild', first.events);
    const again = startTraining(place, rig, run, 'wild', { set, resume: true });
    expect(await again.exit).toEqual({ code: 5, signal: null });
    expect(again.events).toEqual([]);
    await checkInvariants(store, run);
  }, 60_000);

  const SPOILS: readonly [what: string, spoil: Spoil, reason: RegExp][] = [
    ['a loss that is NaN', (batch) => ({ ...batch, features: batch.features.map(() => Number.NaN) }), /the loss is NaN/],
    ['an infinite loss', weighted(Number.POSITIVE_INFINITY), /the loss is Infinity/],
    ['a gradient whose square no float32 holds', weighted(1e30), /the norm of the gradient \d\S*e\+\d+/],
  ];
  test.each(SPOILS)(
    '%s: it ends at that step, and the last good checkpoint stays',
    async (_what, spoil, reason) => {
      const rig = await place.rig();
      const { store } = rig;
      const run = await encodedRun(rig);
      await freezeTraining(store, requestOf(run, 'spoilt', { clipNorm: null }));
      const events: TrainEvent[] = [];
      const createEngine = async (options: TrainingEngineOptions) => {
        const engine = await createOnnxTrainingEngine(options);
        let steps = 0;
        return { ...engine, step: (batch: Batch) => engine.step(++steps === BAD_STEP ? spoil(batch) : batch) };
      };
      await expect(
        train(store, 'spoilt', { holder: 'test', threads: 1, createEngine, onEvent: (event) => events.push(event) }),
      ).rejects.toMatchObject({
        code: 'DIVERGED',
        exitCode: 5,
        message: expect.stringMatching(reason),
      });
      expect(await readDone(store, 'spoilt')).toMatchObject({ outcome: 'diverged', step: BAD_STEP - 1 });
      expect((await checkpointKeys(store, 'spoilt')).map(({ step }) => step)).toEqual([GOOD_STEP]);
      expect((await latestOf(store, 'spoilt'))!.step).toBe(GOOD_STEP);
      await checkSound(store, 'spoilt');
      await checkLatest(store, 'spoilt', events);
      await checkInvariants(store, run);
    },
    60_000,
  );
});
