import { captionsOf } from '@showtell/shared/source/synthetic-captions';
import { picturesOf } from '@showtell/shared/source/synthetic-scene';
import { scoreCaptions } from '../../src/demo/score';

const pictures = picturesOf(40, 1);
const id = (index: number) => pictures[index]!.key;
const truth = (index: number) => captionsOf(pictures[index]!)[0]!;

test('true captions are right, those of another scene are wrong', () => {
  const { right, pictures: scored } = scoreCaptions([
    { imageId: id(0), caption: truth(0) },
    { imageId: id(0), caption: truth(1) },
    { imageId: id(1), caption: '' },
  ]);
  expect(right).toBe(1);
  expect(scored.map((picture) => picture.right)).toEqual([true, false, false]);
  expect(scored[0]!.truth).toEqual(captionsOf(pictures[0]!));
});

test('the commonest caption is right of the scene that is shown most often', () => {
  const ids = [id(0), id(1), id(1), id(2)];
  const { commonest } = scoreCaptions(ids.map((imageId) => ({ imageId, caption: '' })));
  expect(commonest).toEqual({ caption: truth(1), right: 2 });
});

test('no picture, no score', () => {
  expect(scoreCaptions([])).toEqual({ pictures: [], right: 0, commonest: { caption: '', right: 0 } });
});
