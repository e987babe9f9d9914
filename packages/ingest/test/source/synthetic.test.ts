import { isCaptionRight } from '@showtell/shared/source/synthetic-captions';
import { sceneOf } from '@showtell/shared/source/synthetic-scene';
import { sortByImageId } from '../../src/source/image-ids';
import { syntheticDataset } from '../../src/source/synthetic';

const all = { splits: [], strict: true };

test('a dataset has three splits, samples in order, and five captions each that are right for their picture', async () => {
  const dataset = await syntheticDataset('synthetic:80').scan(all);
  expect(dataset.splits.map(({ split, samples }) => [split, samples.length])).toEqual([
    ['test', 12],
    ['train', 60],
    ['val', 8],
  ]);
  for (const { samples, captions } of dataset.splits) {
    const ids = samples.map(({ imageId }) => imageId);
    expect(sortByImageId([...samples])).toEqual(samples);
    expect(captions.map(({ imageId }) => imageId)).toEqual(ids.flatMap((id) => [id, id, id, id, id]));
    for (const { imageId, caption } of captions) expect([caption, isCaptionRight(sceneOf(imageId), caption)]).toEqual([caption, true]);
    for (const { imageId, sourceKey, fileName } of samples) expect([sourceKey, fileName]).toEqual([imageId, `${imageId}.png`]);
  }
  const ids = dataset.splits.flatMap(({ samples }) => samples.map(({ imageId }) => imageId));
  expect(new Set(ids).size).toBe(80);
});

test('only the splits asked for', async () => {
  const { splits } = await syntheticDataset('synthetic:20').scan({ ...all, splits: ['val', 'train'] });
  expect(splits.map(({ split }) => split)).toEqual(['train', 'val']);
  await expect(syntheticDataset('synthetic:20').scan({ ...all, splits: ['dev'] })).rejects.toMatchObject({
    code: 'NOT_FOUND',
    message: expect.stringContaining('dev'),
  });
});

test('the address keeps what makes the dataset, in one way of writing', async () => {
  expect(syntheticDataset('synthetic:20').address).toEqual({ kind: 'synthetic', url: 'synthetic:20' });
  expect(syntheticDataset('synthetic:020?seed=1').address.url).toBe('synthetic:20');
  expect(syntheticDataset('synthetic:20?seed=5').address.url).toBe('synthetic:20?seed=5');
  const [one, same, other] = await Promise.all(
    ['synthetic:20', 'synthetic:20?seed=1', 'synthetic:20?seed=5'].map((url) => syntheticDataset(url).scan(all)),
  );
  expect(same).toEqual(one);
  expect(other).not.toEqual(one);
});

test.each([
  'synthetic:',
  'synthetic:3',
  'synthetic:0',
  'synthetic:-5',
  'synthetic:1e3',
  'synthetic:100001',
  'synthetic:20?seed=',
  'synthetic:20?seed=x',
  'synthetic:20?speed=1',
])('refused: %s', (url) => {
  expect(() => syntheticDataset(url)).toThrow(expect.objectContaining({ code: 'USAGE', message: expect.stringContaining(`"${url}"`) }));
});
