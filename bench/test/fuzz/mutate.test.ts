import { Random } from '@showtell/shared/source/synthetic-random';
import { changeJson } from '../../src/fuzz/change-json';
import { minimise } from '../../src/fuzz/minimise';
import { mutate, writeNumber } from '../../src/fuzz/mutate';

const corpus = [Buffer.from('0123456789abcdef'.repeat(8)), Buffer.from('{"a":[1,2,{"b":"c"}]}')];
const options = { words: [Buffer.from('WORD')], mostBytes: 150 };

test('the same seed makes the same inputs, which differ, keep the limit and leave the corpus as it is', () => {
  const before = corpus.map((each) => each.toString());
  const inputs = (seed: string) => {
    const random = new Random(seed);
    return Array.from({ length: 300 }, () => mutate(corpus, options, random).toString('hex'));
  };
  expect(inputs('1')).toEqual(inputs('1'));
  expect(inputs('1')).not.toEqual(inputs('2'));
  expect(new Set(inputs('1')).size).toBeGreaterThan(200);
  for (const input of inputs('3')) expect(input.length).toBeLessThanOrEqual(2 * options.mostBytes);
  expect(corpus.map((each) => each.toString())).toEqual(before);
});

test('what is empty can be changed as well', () => {
  const random = new Random('empty');
  for (let count = 0; count < 200; count++) mutate([Buffer.alloc(0)], options, random);
  expect(mutate([Buffer.alloc(0)], { ...options, words: [] }, random).length).toBeLessThanOrEqual(options.mostBytes);
});

test('a changed document is a document still, and mostly another', () => {
  const random = new Random('json');
  const text = '{"a":[1,2,{"b":"c"}],"d":null}';
  const changed = Array.from({ length: 300 }, () => changeJson(text, random)!);
  for (const each of changed) expect(() => JSON.parse(each) as unknown).not.toThrow();
  expect(new Set(changed).size).toBeGreaterThan(50);
  expect(changeJson('{"a":', random)).toBeUndefined();
});

test('numbers are written from their lowest byte on, as many as fit', () => {
  const bytes = Buffer.alloc(4);
  writeNumber(bytes, 1, 2, -2n);
  expect([...bytes]).toEqual([0, 0xfe, 0xff, 0]);
});

test('an input is made as small as what is wrong with it', async () => {
  const input = Buffer.from(`${'x'.repeat(100)}BAD${'y'.repeat(77)}!`);
  const smallest = await minimise(input, async (smaller) => smaller.includes('BAD') && smaller.includes('!'));
  expect(smallest.toString()).toBe('BAD!');
});
