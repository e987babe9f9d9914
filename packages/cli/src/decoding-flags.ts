import type { DecodingSettings } from '@showtell/shared/schema/checkpoint';
import { Option } from 'commander';
import { decimalNumber } from './decimal-number';
import { wholeNumber } from './whole-number';

/** What flags say of decoding; what they leave out stays as the checkpoint has it. */
export type DecodingFlags = Partial<DecodingSettings>;

/** The flags that say how captions are made, for every command that makes some. */
export function decodingFlags(): Option[] {
  const flag = (name: string, meaning: string) => new Option(name, meaning).helpGroup('Decoding, in place of what the checkpoint says:');
  return [
    flag('--beam <n>', 'captions followed at once; 1 is greedy').argParser(wholeNumber(1, 1_000)),
    flag('--length-normalization <x>', 'compare by log-probability / length^x; 0 prefers short captions').argParser(decimalNumber(0, 10)),
    flag('--max-length <n>', 'most words of a caption, its end counted').argParser(wholeNumber(1, 1_000)),
    flag('--block-repeats <n>', 'length of the runs of words that may not come twice; 0 allows all').argParser(wholeNumber(0, 100)),
    flag('--block-unknown', 'never say the word for unknown words'),
    flag('--no-block-unknown', 'say it where it is the likeliest'),
  ];
}

/** The flags of decoding among a command's. */
export function decodingOf({ beam, lengthNormalization, maxLength, blockRepeats, blockUnknown }: DecodingFlags): DecodingFlags {
  const all = { beam, lengthNormalization, maxLength, blockRepeats, blockUnknown };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}
