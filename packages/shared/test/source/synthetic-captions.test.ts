import { CAPTIONS_PER_PICTURE, captionsOf, isCaptionRight } from '../../src/source/synthetic-captions';
import { picturesOf, RELATIONS, SCENERY_NAMES, type Scene, SHAPE_NAMES, sceneLists } from '../../src/source/synthetic-scene';

const scene: Scene = { subject: 'star', relation: 'above', object: 'house', scenery: 'night' };

test('every picture has five different captions, right for its scene and told from both sides', () => {
  for (const picture of picturesOf(300, 1)) {
    const captions = captionsOf(picture);
    expect(new Set(captions).size).toBe(CAPTIONS_PER_PICTURE);
    expect(captions.filter((caption) => !isCaptionRight(picture.scene, caption))).toEqual([]);
    const { subject, object } = picture.scene;
    const beginWithSubject = captions.filter((caption) => caption.indexOf(` ${subject}`) < caption.indexOf(` ${object}`));
    expect(beginWithSubject).toHaveLength(3);
  }
});

test('captions vary between pictures of one scene, and are the same for the same picture', () => {
  expect(captionsOf({ key: 'a', scene })).toEqual(captionsOf({ key: 'a', scene }));
  expect(captionsOf({ key: 'a', scene })).not.toEqual(captionsOf({ key: 'b', scene }));
});

test('a caption of one scene is right for no other', () => {
  const { train, test: heldOut } = sceneLists(1);
  const scenes = [...train, ...heldOut];
  for (const own of heldOut.slice(0, 20)) {
    for (const caption of captionsOf({ key: 'picture', scene: own })) {
      expect(scenes.filter((other) => isCaptionRight(other, caption))).toEqual([own]);
    }
  }
});

test.each([
  'a star above a house at night',
  'a house below a star at night',
  'There is a house under a star, at night.',
  '  at night  there is a STAR over a house ',
  'in the dark night a star is over a house',
])('right: %j', (caption) => {
  expect(isCaptionRight(scene, caption)).toBe(true);
});

test.each([
  ['the wrong shape', 'a moon above a house at night'],
  ['the wrong direction', 'a house above a star at night'],
  ['the wrong direction of the converse', 'a star below a house at night'],
  ['the wrong relation', 'a star next to a house at night'],
  ['the wrong scenery', 'a star above a house at sea'],
  ['no scenery', 'a star above a house'],
  ['one shape twice', 'a star above a star at night'],
  ['something more', 'a star above a house at night at night'],
  ['an unknown word', 'a <unk> above a house at night'],
  ['a word within a word', 'a starabove a house at night'],
  ['a digit in between', 'a star 7 above a house at night'],
  ['nothing', ''],
])('wrong: %s', (_, caption) => {
  expect(isCaptionRight(scene, caption)).toBe(false);
});

test('beside is right from either side', () => {
  const beside: Scene = { ...scene, relation: 'beside' };
  expect(isCaptionRight(beside, 'a star next to a house at night')).toBe(true);
  expect(isCaptionRight(beside, 'a house next to a star at night')).toBe(true);
  expect(isCaptionRight(beside, 'a house above a star at night')).toBe(false);
});

test('every word of every attribute is used', () => {
  const words = new Set(
    sceneLists(1)
      .train.flatMap((each) => captionsOf({ key: 'picture', scene: each }))
      .join(' ')
      .split(' '),
  );
  for (const word of [...SHAPE_NAMES, ...SCENERY_NAMES, ...RELATIONS]) expect(words).toContain(word);
});
