import { ShowtellError } from '@showtell/shared/errors';
import { DecodingSettings } from '@showtell/shared/schema/checkpoint';
import { z } from 'zod';

/** More rows of one image than this would fill memory for nothing. */
const MOST_EACH = 1_000;

export const BeamOptions = DecodingSettings.extend({
  /** Captions that are wanted of each image, best first; fewer come where fewer are found. Default: the beam. */
  best: z.int().positive().max(MOST_EACH).optional(),
}).partial();
/** What `decoding.json` says and a call may say otherwise. */
export type BeamOptions = z.infer<typeof BeamOptions>;

export const SampleOptions = DecodingSettings.pick({ maxLength: true, blockUnknown: true, blockRepeats: true })
  .partial()
  .extend({
    /** Captions of each image. */
    count: z.int().positive().max(MOST_EACH).default(1),
    /** Log-probabilities are divided by it: below 1 likely words become likelier, above 1 unlikely ones. */
    temperature: z.number().positive().max(100).default(1),
    /** Only the fewest tokens that have this probability together are drawn from; 1 for all. */
    topP: z.number().positive().max(1).default(1),
  });
export type SampleOptions = z.input<typeof SampleOptions>;

/**
 * Options that were checked, defaults filled in, without those that are `undefined`: spread over settings they leave these as they are.
 * @throws ShowtellError `USAGE` naming each option that is wrong.
 */
export function checkOptions<T extends z.ZodType<object>>(schema: T, options: z.input<T>): Defined<z.output<T>> {
  const parsed = schema.safeParse(options);
  if (parsed.success)
    return Object.fromEntries(Object.entries(parsed.data).filter(([, value]) => value !== undefined)) as Defined<z.output<T>>;
  const problems = parsed.error.issues.map(({ path, message }) => [...path, message].join(': '));
  throw new ShowtellError('USAGE', `Options of decoding are wrong: ${problems.join('; ')}`);
}

type Defined<T> = { [Key in keyof T]: Exclude<T[Key], undefined> };
