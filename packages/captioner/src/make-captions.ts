import { ShowtellError } from '@showtell/shared/errors';
import type { DecodedCaption, Decoder } from '@showtell/trainer/decoding/decoder';
import type { CaptionOptions } from './caption-options';

/**
 * Of each row of features its captions, the answer first: the best one, or as many as are asked for. Of samples the likeliest is the
 * answer and the others follow as likely as they are.
 * @param features row-major [rows, dimension]
 * @param beam the decoder's own
 * @throws ShowtellError `USAGE`
 */
export async function makeCaptions(
  decoder: Decoder,
  features: Float32Array,
  rows: number,
  options: CaptionOptions,
  beam: number,
): Promise<DecodedCaption[][]> {
  // The signal is for the photos, which are read by now.
  const { nBest, samples, temperature, topP, seed = 0, signal: _, ...decoding } = options;
  if (samples !== undefined) {
    const { maxLength, blockUnknown, blockRepeats } = decoding;
    const drawn = await decoder.sample(features, rows, { count: samples, temperature, topP, seed, maxLength, blockUnknown, blockRepeats });
    return drawn.map((captions) => captions.sort((a, b) => b.logProbability - a.logProbability));
  }
  if (nBest === undefined || nBest === 1) return (await decoder.decode(features, rows, decoding)).map((caption) => [caption]);
  const width = decoding.beam ?? beam;
  if (nBest > width)
    throw new ShowtellError('USAGE', `Expected at most the beam, ${width}, for nBest but received ${nBest}`, {
      hint: `Search wider: --beam ${nBest}.`,
    });
  return decoder.beams(features, rows, { ...decoding, best: nBest });
}
