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

/** One arrangement of shapes in this many is never shown in training, in whatever scenery. */
const HELD_OUT = 6;

/** Splits of ten pictures after one another. Every split has one among the first four, so that small sets have all three. */
const SPLITS_OF_TEN: readonly SyntheticSplit[] = ['train', 'test', 'val', 'train', 'train', 'train', 'test', 'train', 'train', 'train'];

/** Fewer pictures would leave a split without any. */
export const FEWEST_PICTURES = 4;

/** Held out of training as a whole: no scenery shows it there. */
type Arrangement = Omit<Scene, 'scenery'>;

function allArrangements(): Arrangement[] {
  return SHAPE_NAMES.flatMap((subject, place) =>
    SHAPE_NAMES.flatMap((object, otherPlace): Arrangement[] => {
      if (subject === object) return [];
      // Beside has no direction, so the shape that stands first in the list is its subject.
      return place < otherPlace
        ? [
            { subject, relation: 'above', object },
            { subject, relation: 'beside', object },
          ]
        : [{ subject, relation: 'above', object }];
    }),
  );
}

interface SceneLists {
  readonly train: readonly Scene[];
  readonly test: readonly Scene[];
}

/** All scenes, in random order. Those of `test` have arrangements (subject, relation, object) that none of `train` has. */
export function sceneLists(seed: number): SceneLists {
  const random = new Random(`scenes ${seed}`);
  const arrangements = random.shuffle(allArrangements());
  const held = Math.ceil(arrangements.length / HELD_OUT);
  const everywhere = (some: readonly Arrangement[]) =>
    random.shuffle(some.flatMap((arrangement) => SCENERY_NAMES.map((scenery) => ({ ...arrangement, scenery }))));
  return { test: everywhere(arrangements.slice(0, held)), train: everywhere(arrangements.slice(held)) };
}

/** The first `count` pictures of a seed: a larger set begins with the smaller one. */
export function picturesOf(count: number, seed: number): Picture[] {
  const lists = sceneLists(seed);
  const taken = { train: 0, test: 0 };
  return Array.from({ length: count }, (_, index) => {
    const split = SPLITS_OF_TEN[index % SPLITS_OF_TEN.length] as SyntheticSplit;
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

/** The scene that a key of this dataset (a source key, and also an image id) names, or `NOT_A_DATASET`. */
export function sceneOf(key: string): Scene {
  const [, subject, relation, object, scenery] = KEY.exec(key) ?? [];
  if (scenery === undefined || subject === object) {
    throw new ShowtellError(
      'NOT_A_DATASET',
      `Expected the key of a synthetic picture such as "00042-star-above-ring-sea-s1" but received ${JSON.stringify(key)}`,
    );
  }
  return { subject, relation, object, scenery } as Scene;
}
