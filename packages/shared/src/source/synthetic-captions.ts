import { Random } from './synthetic-random';
import type { Picture, Relation, Scene } from './synthetic-scene';
import type { SceneryName } from './synthetic-sceneries';
import type { ShapeName } from './synthetic-shapes';

export const CAPTIONS_PER_PICTURE = 5;
/** How many of them begin with the subject. A majority, so that the likeliest word after a caption's beginning is never a toss-up. */
const FORTH = 3;

/** What stands between subject and object, and between object and subject when the same is told the other way round. */
const RELATION_WORDS: Record<Relation, { forth: readonly string[]; back: readonly string[] }> = {
  above: { forth: ['above', 'over'], back: ['below', 'under'] },
  beside: { forth: ['next to', 'beside'], back: ['next to', 'beside'] },
};

const SCENERY_WORDS: Record<SceneryName, readonly string[]> = {
  meadow: ['in a meadow', 'on a green meadow'],
  night: ['at night', 'in the dark night'],
  sea: ['at sea', 'by the blue sea'],
  desert: ['in the desert', 'in the sandy desert'],
  sunset: ['at sunset', 'in the evening sun'],
};

const PHRASINGS: readonly ((arrangement: { one: string; relation: string; other: string; where: string }) => string)[] = [
  ({ one, relation, other, where }) => `${one} ${relation} ${other} ${where}`,
  ({ one, relation, other, where }) => `there is ${one} ${relation} ${other} ${where}`,
  ({ one, relation, other, where }) => `${one} is ${relation} ${other} ${where}`,
  ({ one, relation, other, where }) => `${where} there is ${one} ${relation} ${other}`,
  ({ one, relation, other, where }) => `${where} ${one} is ${relation} ${other}`,
];

const withArticle = (shape: ShapeName) => `${/^[aeiou]/.test(shape) ? 'an' : 'a'} ${shape}`;

/** Every way to tell the scene in one direction. */
function tellings(one: ShapeName, relations: readonly string[], other: ShapeName, wheres: readonly string[]): string[] {
  return PHRASINGS.flatMap((phrase) =>
    relations.flatMap((relation) => wheres.map((where) => phrase({ one: withArticle(one), relation, other: withArticle(other), where }))),
  );
}

function allTellings({ subject, relation, object, scenery }: Scene): { forth: string[]; back: string[] } {
  const { forth, back } = RELATION_WORDS[relation];
  const wheres = SCENERY_WORDS[scenery];
  return { forth: tellings(subject, forth, object, wheres), back: tellings(object, back, subject, wheres) };
}

/** Five different captions, all exactly true: three begin with the subject, two tell the converse. */
export function captionsOf({ key, scene }: Pick<Picture, 'key' | 'scene'>): string[] {
  const random = new Random(`captions ${key}`);
  const { forth, back } = allTellings(scene);
  return random.shuffle([...random.shuffle(forth).slice(0, FORTH), ...random.shuffle(back).slice(0, CAPTIONS_PER_PICTURE - FORTH)]);
}

/**
 * Whether the caption is right in every particular: both shapes, how they lie to one another (in either direction) and the
 * scenery, in any phrasing that this dataset uses. Capitals, punctuation and white space do not count; anything else is wrong.
 */
export function isCaptionRight(scene: Scene, caption: string): boolean {
  const { forth, back } = allTellings(scene);
  const words = (caption.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []).join(' ');
  return forth.includes(words) || back.includes(words);
}
