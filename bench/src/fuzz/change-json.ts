import type { Random } from '@showtell/shared/source/synthetic-random';
import { place } from './mutate';

const VALUES: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1,
  1.5,
  2 ** 31,
  2 ** 53,
  -(2 ** 53),
  1e300,
  '',
  '0',
  'a',
  [],
  {},
  [0],
  [0, 0],
  [1, 2, 3],
];

/** The text of a document of which one value, or name, is another; `undefined` for what is no JSON. */
export function changeJson(text: string, random: Random): string | undefined {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return undefined;
  }
  const places = [...placesIn(document)];
  if (places.length === 0) return JSON.stringify(random.pick(VALUES));
  const { within, name } = random.pick(places);
  const other = random.pick(places);
  const value = within[name];
  const chance = random.next();
  if (chance < 0.3) within[name] = typeof value === 'number' ? value + place(9, random) - 4 : random.pick(VALUES);
  else if (chance < 0.5) within[name] = random.pick(VALUES);
  else if (chance < 0.7) within[name] = structuredClone(other.within[other.name]);
  else if (chance < 0.8) delete within[name];
  else within[random.pick(['a', '__proto__', 'dtype', other.name])] = structuredClone(value);
  return JSON.stringify(document);
}

interface Place {
  readonly within: Record<string, unknown>;
  readonly name: string;
}

function* placesIn(value: unknown): Generator<Place> {
  if (value === null || typeof value !== 'object') return;
  for (const [name, member] of Object.entries(value)) {
    yield { within: value as Record<string, unknown>, name };
    yield* placesIn(member);
  }
}
