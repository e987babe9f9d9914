import { readFileSync } from 'node:fs';
import { scoreCaptions } from '@showtell/trainer/evaluation/scores';
import { tokenize } from '@showtell/trainer/evaluation/tokenizer';
import type { ScoreInput } from './score-inputs';
import type { ScoreReply } from './score-rows';

/** Scores captions once, in a process that has done nothing before, and prints how long its parts took. Argument: a JSON file of images. */
const images = JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as ScoreInput[];
const began = performance.now();
const tokens = images.map(({ imageId, candidate, references }) => ({
  imageId,
  candidate: tokenize(candidate),
  references: references.map(tokenize),
}));
const tokenized = performance.now();
const { metrics } = scoreCaptions(tokens);
const scored = performance.now();
const reply: ScoreReply = {
  tokenizeSeconds: (tokenized - began) / 1_000,
  scoreSeconds: (scored - tokenized) / 1_000,
  metrics,
  versions: { node: process.versions.node },
};
process.stdout.write(`${JSON.stringify(reply)}\n`);
