import { ShowtellError } from '@showtell/shared/errors';
import type { DecodingSettings } from '@showtell/shared/schema/checkpoint';
import type { Random } from '@showtell/trainer/model/random';

/** How captions are made, where not as the checkpoint's `decoding.json` says. */
export interface CaptionOptions extends Partial<DecodingSettings> {
  /** Also tell the best so many captions of each photo, at most as many as the beam. */
  readonly nBest?: number | undefined;
  /** Draw so many captions of each photo at random in place of searching for the likeliest. */
  readonly samples?: number | undefined;
  /** Of samples: below 1 likely words become likelier, above 1 unlikely ones. Default: 1. */
  readonly temperature?: number | undefined;
  /** Of samples: words are drawn from the fewest that have this probability together. Default: 1, all of them. */
  readonly topP?: number | undefined;
  /** Of samples: the same captions for the same photos again. Photos of several calls go on with one generator. Default: 0. */
  readonly seed?: number | Random | undefined;
  /** Ends the reading of photos, which may be pipes that nobody writes into. */
  readonly signal?: AbortSignal | undefined;
}

const OF_SAMPLES = ['temperature', 'topP', 'seed'] as const;
const OF_SEARCH = ['beam', 'lengthNormalization', 'nBest'] as const;

/** @throws ShowtellError `USAGE` for options that do not go together. */
export function checkCaptionOptions(options: CaptionOptions): void {
  const sampled = options.samples !== undefined;
  const odd = (sampled ? OF_SEARCH : OF_SAMPLES).find((name) => options[name] !== undefined);
  if (odd === undefined) return;
  throw new ShowtellError(
    'USAGE',
    sampled ? `Expected no ${odd} with samples: they are drawn, not searched for` : `Expected samples with ${odd} but received none`,
    { hint: sampled ? `Leave out either of ${flagOf(odd)} and --samples.` : 'Say how many captions are drawn of each photo: --samples 5.' },
  );
}

const flagOf = (name: string) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
