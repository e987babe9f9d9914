import fc from 'fast-check';
import { keys, shardOfKey } from '../src/keys';
import { checkName, isName, shardDigits, slug } from '../src/names';

test.each(['a', 'coco-2017', '0x', 'a'.repeat(63)])('%s is a name', (name) => expect(checkName('run', name)).toBe(name));
test.each(['', '123', '-a', 'A', 'a:b', 'a/b', '../a', 'a b', 'é', 'a'.repeat(64)])('%j is no name', (name) =>
  expect(() => checkName('run', name)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' })),
);

test('a slug is empty or the beginning of a name', () => {
  expect(slug('COCO 2017/val')).toBe('coco-2017-val');
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      const made = slug(text);
      expect(made === '' || isName(`${made}-x`)).toBe(true);
    }),
  );
});

test('shard keys sort in the order of their numbers and give them back', () => {
  expect(shardDigits(7)).toBe('00007');
  const sha = 'f'.repeat(64);
  for (const shard of [0, 1, 99_999, 100_000]) {
    expect(shardOfKey(keys.commit('r', shard))).toBe(shard);
    expect(shardOfKey(keys.shard('r', shard, sha))).toBe(shard);
  }
});
