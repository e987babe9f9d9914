import { kindOfKey } from '@showtell/shared/key-kinds';
import { keys } from '@showtell/shared/keys';

/** Stands for a name, a number and a sha256 alike. */
const ANY = '1'.repeat(64);
const MADE = Object.entries<(...args: never[]) => string>(keys).map(([name, make]): [string, string] => [
  name,
  make(...(Array.from({ length: make.length }, () => ANY) as never[])),
]);

test.each(MADE.filter(([, key]) => !key.endsWith('/')))('the key %s is of a kind', (_name, key) => {
  expect({ key, known: kindOfKey(key) }).toMatchObject({ known: { kind: expect.any(String) as string } });
});

test('no two keys are of one kind but those that are alike', () => {
  const kinds = MADE.filter(([, key]) => !key.endsWith('/')).map(([, key]) => kindOfKey(key)?.kind);
  const alike = kinds.filter((kind, index) => kinds.indexOf(kind) !== index);
  expect(alike.filter((kind) => kind !== 'probe')).toEqual([]);
});

test('a key tells whose it is', () => {
  expect(kindOfKey(keys.commit('coco-1a', 7))).toEqual({ kind: 'commit', owner: 'coco-1a' });
  expect(kindOfKey(`${keys.checkpoint('f8', 79, 1)}weights.safetensors`)).toEqual({ kind: 'checkpointPart', owner: 'f8' });
  expect(kindOfKey(`${keys.checkpoint('f8', 79, 1)}COMMIT.json`)).toEqual({ kind: 'checkpoint', owner: 'f8' });
  expect(kindOfKey(keys.weights('a'.repeat(64)))).toEqual({ kind: 'weights', owner: undefined });
});

test.each([
  'runs/coco/notes.txt',
  'runs/run.json',
  'runs/coco/shards/00001.arrow',
  'runs/coco/shards/old/00001-aaaaaaaaaaaa.arrow',
  'runs/coco/shards/00001-aaaaaaaaaaaa.arrow.bak',
  'weights/imagenet.json2',
  'photos/1.jpg',
  'trainings/f8/checkpoints/final/weights.safetensors',
])('%s is none of ours', (key) => {
  expect(kindOfKey(key)).toBeUndefined();
});
