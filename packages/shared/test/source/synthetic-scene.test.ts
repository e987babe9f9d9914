import { isShowtellError } from '../../src/errors';
import {
  type Picture,
  picturesOf,
  RELATIONS,
  SCENERY_NAMES,
  type Scene,
  SHAPE_NAMES,
  sceneLists,
  sceneOf,
} from '../../src/source/synthetic-scene';

const nameOf = ({ subject, relation, object, scenery }: Scene) => `${subject} ${relation} ${object} ${scenery}`;
const pairOf = ({ subject, object, scenery }: Scene) => `${[subject, object].sort().join(' ')} ${scenery}`;
const ofSplit = (pictures: readonly Picture[], ...splits: string[]) => pictures.filter(({ split }) => splits.includes(split));

test('there are more than 200 scenes, no two alike, and no shape lies above or beside itself', () => {
  const { train, test: heldOut } = sceneLists(1);
  const scenes = [...train, ...heldOut];
  expect(new Set(scenes.map(nameOf)).size).toBe(scenes.length);
  expect(scenes.length).toBeGreaterThanOrEqual(200);
  expect(scenes.filter(({ subject, object }) => subject === object)).toEqual([]);
  const besides = scenes.filter(({ relation }) => relation === 'beside');
  const swapped = new Set(besides.map((scene) => nameOf({ ...scene, subject: scene.object, object: scene.subject })));
  expect(besides.filter((scene) => swapped.has(nameOf(scene)))).toEqual([]);
});

test.each([1, 2, 77])('seed %i: no pair of shapes of the test split is in that scenery in train or val, and every part is', (seed) => {
  const pictures = picturesOf(1_600, seed);
  const shown = new Set(ofSplit(pictures, 'train', 'val').map(({ scene }) => pairOf(scene)));
  expect(ofSplit(pictures, 'test').filter(({ scene }) => shown.has(pairOf(scene)))).toEqual([]);
  for (const split of ['train', 'val', 'test']) {
    const scenes = ofSplit(pictures, split).map(({ scene }) => scene);
    expect(new Set(scenes.map(({ subject }) => subject))).toEqual(new Set(SHAPE_NAMES));
    expect(new Set(scenes.map(({ object }) => object))).toEqual(new Set(SHAPE_NAMES));
    expect(new Set(scenes.map(({ relation }) => relation))).toEqual(new Set(RELATIONS));
    expect(new Set(scenes.map(({ scenery }) => scenery))).toEqual(new Set(SCENERY_NAMES));
  }
});

test('the same seed gives the same pictures, a larger set begins with the smaller one, another seed gives others', () => {
  expect(picturesOf(50, 7)).toEqual(picturesOf(50, 7));
  expect(picturesOf(500, 7).slice(0, 50)).toEqual(picturesOf(50, 7));
  expect(picturesOf(50, 8).map(({ scene }) => scene)).not.toEqual(picturesOf(50, 7).map(({ scene }) => scene));
});

test('three quarters are for training, and four pictures already make all splits', () => {
  const pictures = picturesOf(200, 1);
  expect(['train', 'val', 'test'].map((split) => ofSplit(pictures, split).length)).toEqual([150, 20, 30]);
  expect(new Set(picturesOf(4, 1).map(({ split }) => split))).toEqual(new Set(['train', 'val', 'test']));
});

test('keys are unique, in order, and name their scenes', () => {
  const pictures = picturesOf(1_000, 3);
  const keys = pictures.map(({ key }) => key);
  expect([...new Set(keys)].sort()).toEqual(keys);
  for (const { key, scene } of pictures) expect(sceneOf(key)).toEqual(scene);
});

test.each(['', 'photo.jpg', '00042-star-above-ghost-sea-s1', '00042-star-above-star-sea-s1', '00042-star-above-moon-sea-s1/../x'])(
  'a key that is none of ours is refused: %j',
  (key) => {
    let error: unknown;
    try {
      sceneOf(key);
    } catch (thrown) {
      error = thrown;
    }
    expect(isShowtellError(error, 'NOT_FOUND')).toBe(true);
    expect((error as Error).message).toContain(JSON.stringify(key));
  },
);
