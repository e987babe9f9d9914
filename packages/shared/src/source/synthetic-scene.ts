import { ShowtellError } from '../errors';
import { Random } from './synthetic-random';
import { SCENERIES, type SceneryName } from './synthetic-sceneries';
import { SHAPES, type ShapeName } from './synthetic-shapes';

export const SHAPE_NAMES = Object.keys(SHAPES) as ShapeName[];
export const SCENERY_NAMES = Object.keys(SCENERIES) as SceneryName[];
/**
 * `above` has a direction, and its converse `below` tells the same scene. `beside` has none: InceptionV3 was trained on photos
 * and their mirror images, so that left and right cannot be told apart in its features, and captions do not speak of them.
 */
export const RELATIONS = ['above', 'beside'] as const;
export type Relation = (typeof RELATIONS)[number];

/** What a picture shows, and so all that its captions may say. */
export interface Scene {
  readonly subject: ShapeName;
  readonly relation: Relation;
  readonly object: ShapeName;
  readonly scenery: SceneryName;
}

export type SyntheticSplit = 'train' | 'val' | 'test';

/** One picture. Its key names the scene, and is the seed of everything in the picture that captions do not speak of. */
export interface Picture {
  readonly key: string;
  readonly split: SyntheticSplit;
  readonly scene: Scene;
}

/** Splits of twenty pictures after one another. The first four have one of each, so that small sets have all three splits. */
const SPLITS_OF_TWENTY: readonly SyntheticSplit[] = [
  ...(['train', 'test', 'val', 'train', 'train', 'train', 'test', 'train', 'train', 'train'] as const),
  ...(['train', 'test', 'val', 'train', 'train', 'train', 'train', 'train', 'train', 'train'] as const),
];

/** Fewer pictures would leave a split without any. */
export const FEWEST_PICTURES = 4;

/** The ways in which two shapes can lie to one another. Beside has no direction, so `one` is its subject. */
function arrangements(one: ShapeName, other: ShapeName): Omit<Scene, 'scenery'>[] {
  return [
    { subject: one, relation: 'above', object: other },
    { subject: other, relation: 'above', object: one },
    { subject: one, relation: 'beside', object: other },
  ];
}

interface SceneLists {
  readonly train: readonly Scene[];
  readonly test: readonly Scene[];
}

/**
 * All scenes, each list in random order. Every pair of shapes is held out of training in one scenery, where `test` has it, and
 * shown in the others: a test scene is new as a whole, and no other with the same shapes in it was seen, while every part is known.
 */
export function sceneLists(seed: number): SceneLists {
  const random = new Random(`scenes ${seed}`);
  const train: Scene[] = [];
  const test: Scene[] = [];
  for (const [place, one] of SHAPE_NAMES.entries()) {
    for (const other of SHAPE_NAMES.slice(place + 1)) {
      const heldOut = random.pick(SCENERY_NAMES);
      for (const scenery of SCENERY_NAMES)
        (scenery === heldOut ? test : train).push(...arrangements(one, other).map((arrangement) => ({ ...arrangement, scenery })));
    }
  }
  return { train: random.shuffle(train), test: random.shuffle(test) };
}

/** The first `count` pictures of a seed: a larger set begins with the smaller one. */
export function picturesOf(count: number, seed: number): Picture[] {
  const lists = sceneLists(seed);
  const taken = { train: 0, test: 0 };
  return Array.from({ length: count }, (_, index) => {
    const split = SPLITS_OF_TWENTY[index % SPLITS_OF_TWENTY.length] as SyntheticSplit;
    const list = split === 'test' ? 'test' : 'train';
    const scene = lists[list][taken[list] % lists[list].length] as Scene;
    taken[list] += 1;
    return { key: keyOf(scene, index, seed), split, scene };
  });
}

function keyOf({ subject, relation, object, scenery }: Scene, index: number, seed: number): string {
  return `${String(index).padStart(5, '0')}-${subject}-${relation}-${object}-${scenery}-s${seed}`;
}

const KEY = new RegExp(
  `^\\d{5,}-(${SHAPE_NAMES.join('|')})-(${RELATIONS.join('|')})-(${SHAPE_NAMES.join('|')})-(${SCENERY_NAMES.join('|')})-s\\d+$`,
);

/** The scene that a key of this dataset (a source key, and also an image id) names, or `NOT_FOUND`. */
export function sceneOf(key: string): Scene {
  const [, subject, relation, object, scenery] = KEY.exec(key) ?? [];
  if (scenery === undefined || subject === object) {
    throw new ShowtellError(
      'NOT_FOUND',
      `Expected the key of a synthetic picture such as "00042-star-above-ring-sea-s1" but received ${JSON.stringify(key)}`,
    );
  }
  return { subject, relation, object, scenery } as Scene;
}
