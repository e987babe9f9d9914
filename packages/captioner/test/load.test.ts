import { join } from 'node:path';
import { renderSvg } from '@showtell/shared/image/render-svg';
import { pullCheckpoint } from '@showtell/trainer/checkpoint/pull';
import { Random } from '@showtell/trainer/model/random';
import { narrowWeights } from '../../encoder-worker/test/narrow-weights';
import { openFileStore, temporaryFolder } from '../../trainer/test/temporary-store';
import { type CaptionOptions, checkCaptionOptions } from '../src/caption-options';
import { type Caption, type Captioner, loadCaptioner, type PhotoCaption } from '../src/load';
import { saveModel } from './export/exported-model';

const folder = temporaryFolder();
const store = openFileStore(join(folder.path, 'store'));
let captioner: Captioner;
let photos: Buffer[];

beforeAll(async () => {
  const { model } = await saveModel(store, 'drawn', narrowWeights(3).safetensors, { beam: 3, lengthNormalization: 0.7 });
  const { path } = await pullCheckpoint(store, model, join(folder.path, 'captioner'));
  captioner = await loadCaptioner(path, { threads: 1 });
  photos = await Promise.all(
    [20, 120, 250].map((value) =>
      renderSvg(
        `<svg xmlns="http://www.w3.org/2000/svg" width="299" height="299"><rect width="299" height="299" fill="rgb(${value},90,40)"/></svg>`,
      ),
    ),
  );
});
afterAll(async () => {
  await captioner.close();
  await store.close();
  folder.remove();
});

const made = (results: readonly PhotoCaption[]): Caption[] =>
  results.map((result) => {
    if ('error' in result) throw result.error;
    return result;
  });
const caption = async (options?: CaptionOptions) => made(await captioner.caption(photos, options));
const score = ({ caption: text, ended, logProbability }: Pick<Caption, 'caption' | 'ended' | 'logProbability'>) =>
  logProbability / (text.split(' ').filter(Boolean).length + (ended ? 1 : 0)) ** 0.7;

test('captions are made as the checkpoint says, unless a call says otherwise', async () => {
  const own = await caption();
  expect(own).toEqual(await caption({ beam: 3, lengthNormalization: 0.7 }));
  expect(own).toHaveLength(3);
  expect(Object.keys(own[0]!)).toEqual(['caption', 'ended', 'logProbability']);
  const short = await caption({ maxLength: 2 });
  for (const { caption: text } of short) expect(text.split(' ').length).toBeLessThanOrEqual(2);
  for (const [index, greedy] of (await caption({ beam: 1 })).entries())
    if (own[index]!.ended && greedy.ended) expect(score(own[index]!)).toBeGreaterThanOrEqual(score(greedy));
});

test('the best captions of a photo begin with its answer', async () => {
  const own = await caption();
  for (const [index, { candidates, ...best }] of (await caption({ nBest: 3 })).entries()) {
    expect(best).toEqual(own[index]);
    expect(candidates![0]).toEqual(best);
    expect(candidates!.length).toBeLessThanOrEqual(3);
    const scores = candidates!.map(score);
    for (const [place, value] of scores.slice(1).entries()) expect(value).toBeLessThanOrEqual(scores[place]! + 1e-9);
  }
});

test('samples come likeliest first, the same for the same seed; photos of two calls go on with one generator', async () => {
  const drawn = await caption({ samples: 4, temperature: 1.5, seed: 3 });
  for (const { candidates, ...best } of drawn) {
    expect(candidates).toHaveLength(4);
    expect(candidates![0]).toEqual(best);
    const all = candidates!.map(({ logProbability }) => logProbability);
    expect(all).toEqual([...all].sort((a, b) => b - a));
  }
  expect(await caption({ samples: 4, temperature: 1.5, seed: 3 })).toEqual(drawn);
  expect(await caption({ samples: 4, temperature: 1.5, seed: 4 })).not.toEqual(drawn);
  const seed = new Random(3);
  const options = { samples: 4, temperature: 1.5, seed };
  const apart = [...made(await captioner.caption(photos.slice(0, 1), options)), ...made(await captioner.caption(photos.slice(1), options))];
  expect(apart.map((one) => one.candidates!.map((two) => two.caption))).toEqual(
    drawn.map((one) => one.candidates!.map((two) => two.caption)),
  );
});

test('more captions than the beam has are refused, telling the way to more', async () => {
  await expect(captioner.caption(photos, { nBest: 5 })).rejects.toMatchObject({
    code: 'USAGE',
    message: 'Expected at most the beam, 3, for nBest but received 5',
    hint: 'Search wider: --beam 5.',
  });
  expect(await caption({ nBest: 5, beam: 5 })).toHaveLength(3);
});

test.each<[CaptionOptions, string]>([
  [{ samples: 2, beam: 3 }, 'Expected no beam with samples: they are drawn, not searched for'],
  [{ samples: 2, nBest: 3 }, 'Expected no nBest with samples: they are drawn, not searched for'],
  [{ temperature: 2 }, 'Expected samples with temperature but received none'],
  [{ beam: 3, topP: 0.5 }, 'Expected samples with topP but received none'],
])('%j do not go together', (options, message) => {
  expect(() => checkCaptionOptions(options)).toThrow(expect.objectContaining({ code: 'USAGE', message }));
});
