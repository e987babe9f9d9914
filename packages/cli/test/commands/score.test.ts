import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expectOneMessage, runProgram } from '../run-program';

let cwd: string;
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), 'showtell-score-'));
  writeFileSync(join(cwd, 'made.json'), JSON.stringify([{ image_id: 7, caption: 'a dog runs fast' }]));
  const references = ['a dog runs fast', 'the dog runs'].map((caption) => ({ image_id: '7', caption }));
  writeFileSync(
    join(cwd, 'true.jsonl'),
    [...references, { image_id: 'x', caption: 'a cat' }].map((record) => JSON.stringify(record)).join('\n'),
  );
});
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

test('a table, and what was not scored', async () => {
  const { code, stdout, stderr } = await runProgram(['score', 'made.json', 'true.jsonl'], { cwd });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '1 image of true.jsonl without a candidate: not scored\n' });
  expect(stdout).toMatch(/^1 image\n\nMETRIC +SCORE\nBLEU-1 +1\.0000\n(.*\n)+CIDEr +0\.0000\n$/);
});

test('JSON, with the scores of each image', async () => {
  const { code, stdout } = await runProgram(['score', 'made.json', 'true.jsonl', '--json'], { cwd });
  const close = (value: number) => expect.closeTo(value, 6) as number;
  const metrics = { Bleu_1: close(1), Bleu_2: close(1), Bleu_3: close(1), Bleu_4: close(1), ROUGE_L: close(1), CIDEr: 0 };
  expect({ code, printed: JSON.parse(stdout) as unknown }).toEqual({
    code: 0,
    printed: { metrics, images: [{ image_id: 7, ...metrics }] },
  });
});

test('rejected files and wrong usage', async () => {
  const rejected = await runProgram(['score', 'true.jsonl', 'made.json'], { cwd });
  expect({ code: rejected.code, stdout: rejected.stdout }).toEqual({ code: 3, stdout: '' });
  expectOneMessage(rejected.stderr, 'BROKEN_ANNOTATIONS');
  const absent = await runProgram(['score', 'absent.json', 'made.json'], { cwd });
  expect({ code: absent.code, stdout: absent.stdout }).toEqual({ code: 2, stdout: '' });
  expectOneMessage(absent.stderr, 'USAGE');
});
