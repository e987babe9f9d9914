import { Option } from 'commander';
import { type DecodingFlags, decodingFlags } from './decoding-flags';
import { wholeNumber } from './whole-number';

/** What is captioned to be scored, and how. */
export interface EvaluationFlags extends DecodingFlags {
  readonly split: string;
  readonly anyPrecision?: boolean;
  readonly limit?: number;
  readonly threads?: number;
}

/** For every command that captions a split of a run and scores the captions. */
export function evaluationFlags(): Option[] {
  return [
    new Option('--split <split>', 'the split of it').default('val'),
    new Option('--any-precision', 'take features of the same encoder in another precision, such as int8'),
    new Option('--limit <n>', 'only the first images of the split').argParser(wholeNumber(1, 1e9)),
    new Option('--threads <n>', 'threads (default: one for every core)').argParser(wholeNumber(1, 1_024)),
    ...decodingFlags(),
  ];
}
