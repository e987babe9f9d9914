import type { DecodedCaption, Decoder } from '../../src/decoding/decoder';
import { CiderD, DocumentFrequencies } from '../../src/evaluation/cider';
import { END, START } from '../../src/model/tokens';
import { readDone } from '../../src/train/done';
import type { TrainEvent } from '../../src/train/events';
import { freezeTraining } from '../../src/train/freeze';
import { SelfCritical } from '../../src/train/self-critical';
import { train } from '../../src/train/train';
import { temporaryStore } from '../temporary-store';
import { TINY, writeTinyRun } from '../tiny-run';

const store = temporaryStore();
beforeAll(async () => {
  await writeTinyRun(store);
  await freezeTraining(store, { runs: ['tiny'], preset: 'seed', training: 'spoken', hyperparameters: { ...TINY, epochs: 4 } });
  await train(store, 'spoken', { holder: 'first', threads: 1 });
});

describe('weights of drawn captions', () => {
  /** Images 7 and 9 (rows of the table), the first with two captions. */
  const CAPTIONS = [
    [7, [START, 4, 5, 6, END]],
    [9, [START, 5, 7, END]],
    [7, [START, 4, 6, END]],
  ] as const;
  const captions = {
    rows: Int32Array.from(CAPTIONS, ([row]) => row),
    ids: Int32Array.from(CAPTIONS.flatMap(([, ids]) => ids)),
    starts: Int32Array.of(0, 5, 9, 13),
  };
  const cider = new CiderD<number>(
    DocumentFrequencies.of<number>([
      [
        [4, 5, 6, END],
        [4, 6, END],
      ],
      [[5, 7, END]],
    ]),
  );
  const references = [[cider.vector([4, 5, 6, END]), cider.vector([4, 6, END])], [cider.vector([5, 7, END])]] as const;

  const caption = (ids: number[], ended = true): DecodedCaption => ({ ids, ended, logProbability: 0, tokenLogProbabilities: [] });
  const DRAWN = [
    [caption([5, 7]), caption([4, 4], false)],
    [caption([4, 5, 6]), caption([4])],
  ];
  const GREEDY = [caption([5]), caption([4, 6])];
  const decoder = { sample: async () => DRAWN, decode: async () => GREEDY } as unknown as Decoder;
  const features = Float32Array.of(9, 9.5, 7, 7.5);
  const rewards = [
    [cider.score([5, 7, END], references[1]), cider.score([4, 4], references[1])],
    [cider.score([4, 5, 6, END], references[0]), cider.score([4, END], references[0])],
  ] as const;
  /** Tokens that were drawn: the END behind a caption that was cut is none of them. */
  const TOKENS = 3 + 2 + 4 + 2;

  const rewarded = (baseline: 'greedy' | 'mean') =>
    new SelfCritical({ hyperparameters: { baseline, samples: 2 }, seed: 1, captions }).rewarded(decoder, features, [1, 0], 3);

  it('has a sample for each image', () => {
    const { images } = new SelfCritical({ hyperparameters: { baseline: 'mean', samples: 2 }, seed: 1, captions });
    expect([...images.rows]).toEqual([7, 9]);
  });

  it('are how much a caption is better than the others of its image', async () => {
    const { batch, reward } = await rewarded('mean');
    expect([...batch.features]).toEqual([9, 9.5, 9, 9.5, 7, 7.5, 7, 7.5]);
    expect(batch.captions.map((ids) => [...ids])).toEqual([
      [START, 5, 7, END],
      [START, 4, 4, END],
      [START, 4, 5, 6, END],
      [START, 4, END],
    ]);
    const [[a, b], [c, d]] = rewards;
    const expected = [
      [a - b, a - b, a - b],
      [b - a, b - a, 0],
      [c - d, c - d, c - d, c - d],
      [d - c, d - c],
    ];
    for (const [row, weights] of batch.weights!.entries())
      expect([...weights]).toEqual(expected[row]!.map((advantage) => Math.fround(advantage / TOKENS)));
    expect(reward).toBeCloseTo((a + b + c + d) / 4, 12);
    expect(a).toBeGreaterThan(b);
  });

  it('or than the greedy one', async () => {
    const { batch } = await rewarded('greedy');
    const baselines = [cider.score([5, END], references[1]), cider.score([4, 6, END], references[0])];
    const first = batch.weights!.map((weights) => weights[0]);
    expect(first).toEqual(rewards.flatMap((pair, image) => pair.map((reward) => Math.fround((reward - baselines[image]!) / TOKENS))));
  });
});

const selfCritical = (training: string, hyperparameters: Record<string, unknown> = {}) =>
  freezeTraining(store, {
    runs: ['tiny'],
    preset: 'self-critical',
    training,
    from: 'spoken@latest',
    hyperparameters: { batchSize: 8, epochs: 12, learningRate: 0.01, maxLength: 8, samples: 4, ...hyperparameters },
    seed: 3,
  });

it.each(['mean', 'greedy'] as const)('captions that are drawn become better (baseline %s)', async (baseline) => {
  await selfCritical(`better-${baseline}`, { baseline });
  const events: TrainEvent[] = [];
  await train(store, `better-${baseline}`, { holder: 'trainer', threads: 1, onEvent: (event) => events.push(event) });
  const losses = events.flatMap((event) => (event.event === 'epoch' ? [event.loss] : []));
  // The loss is the reward's negative: CIDEr-D of drawn captions, 0 to 10.
  expect(losses[0]).toBeLessThan(0);
  expect(losses.at(-1)).toBeLessThan(losses[0]! * 1.3);
  expect(events[0]).toMatchObject({ event: 'start', objective: 'self-critical', samples: 33, stepsPerEpoch: 5 });
});

it('stopped after any step it goes on as if it had not been', async () => {
  const sessions = async (training: string, stopEvery: number) => {
    await selfCritical(training, { epochs: 2 });
    const losses = new Map<number, number>();
    for (let session = 0; ; session++) {
      const stop = new AbortController();
      const end = await train(store, training, {
        holder: `${training}-${session}`,
        threads: 1,
        signal: stop.signal,
        onEvent: (event) => {
          if (event.event !== 'step') return;
          losses.set(event.step, event.loss);
          if (event.step % stopEvery === 0) stop.abort();
        },
      });
      if (end.outcome === 'completed') return losses;
    }
  };
  expect(await sessions('stopped', 3)).toEqual(await sessions('whole', 1_000));
});

it('weights that give no captions any more are the end of it, once and for all', async () => {
  await selfCritical('wild', { learningRate: 1e38, clipNorm: null });
  const run = () => train(store, 'wild', { holder: 'trainer', threads: 1 });
  const diverged = { code: 'DIVERGED', message: expect.stringMatching(/^Training wild has diverged: (after|at) step \d/) };
  await expect(run()).rejects.toMatchObject(diverged);
  expect(await readDone(store, 'wild')).toMatchObject({ outcome: 'diverged' });
  await expect(run()).rejects.toMatchObject(diverged);
});

it.each([
  [{ labelSmoothing: 0.1 }, 'Expected 0 for labelSmoothing with objective self-critical but received 0.1'],
  [{ scheduledSampling: 0.2 }, 'Expected 0 for scheduledSampling with objective self-critical but received 0.2'],
  [{ samples: 1 }, 'Expected at least 2 for samples with objective self-critical and baseline mean but received 1'],
])('refuses %j', async (hyperparameters, message) => {
  await expect(selfCritical('wrong', hyperparameters)).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining(message),
  });
});

it('wants a captioner to go on from', async () => {
  await expect(freezeTraining(store, { runs: ['tiny'], preset: 'self-critical', training: 'fresh' })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    hint: expect.stringContaining('--from MODEL'),
  });
});
