import { drawScoreInputs } from '../src/score-inputs';
import { type ScoreRun, scoreMarkdown, scoreRow } from '../src/score-rows';

const metrics = { Bleu_1: 0.5, Bleu_2: 0.4, Bleu_3: 0.3, Bleu_4: 0.2, ROUGE_L: 0.4, CIDEr: 1 };
const run = (seconds: number, changed: Partial<ScoreRun> = {}): ScoreRun => ({
  tokenizeSeconds: seconds,
  scoreSeconds: 2 * seconds,
  programSeconds: 4 * seconds,
  metrics,
  versions: {},
  ...changed,
});

test('medians of runs, and how far the metrics are from ours', () => {
  const other = { ...metrics, CIDEr: 1 + 2 ** -20 };
  expect(scoreRow('x', [run(1), run(5), run(2, { metrics: other })], metrics)).toEqual({
    engine: 'x',
    tokenizeSeconds: 2,
    scoreSeconds: 4,
    programSeconds: 8,
    difference: 2 ** -20,
  });
});

test('who is given tokens has no time for them', () => {
  const row = scoreRow('x', [run(1, { tokenizeSeconds: null })], metrics);
  expect(row.tokenizeSeconds).toBeNull();
  expect(scoreMarkdown([row], 'Measured.').split('\n').slice(2)).toEqual(['| x | given | 2.00 | 4.00 | 0e+0 |', '', 'Measured.']);
});

test('drawn captions are the same for the same seed', () => {
  const captions = ["A dog's bone.", 'Two men run.', 'A red bus.'];
  const [image, ...others] = drawScoreInputs(captions, 9, 1);
  expect(others).toHaveLength(8);
  expect(captions).toEqual(expect.arrayContaining([image!.candidate, ...image!.references]));
  expect(image!.references).toHaveLength(5);
  expect(drawScoreInputs(captions, 9, 1)[0]).toEqual(image);
  expect(drawScoreInputs(["A dog's bone."], 1, 1)[0]!.candidateTokens).toBe("a dog 's bone");
});
