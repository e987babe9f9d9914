import { tokenize } from '@showtell/trainer/evaluation/tokenizer';
import { Random } from '@showtell/trainer/model/random';

/** An image to be scored; tokens, with a space between them, are for those who bring no tokeniser. */
export interface ScoreInput {
  readonly imageId: string;
  readonly candidate: string;
  readonly references: readonly string[];
  readonly candidateTokens: string;
  readonly referencesTokens: readonly string[];
}

const REFERENCES = 5;

/** Images whose captions are drawn from real ones, so that their words are as common as words are. */
export function drawScoreInputs(captions: readonly string[], images: number, seed: number): ScoreInput[] {
  const random = new Random(seed);
  const draw = () => captions[random.next() % captions.length]!;
  return Array.from({ length: images }, (_, index) => {
    const candidate = draw();
    const references = Array.from({ length: REFERENCES }, draw);
    return {
      imageId: String(index),
      candidate,
      references,
      candidateTokens: joined(candidate),
      referencesTokens: references.map(joined),
    };
  });
}

const joined = (caption: string) => tokenize(caption).join(' ');
