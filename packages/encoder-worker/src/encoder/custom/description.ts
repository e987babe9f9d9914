import { ShowtellError } from '@showtell/shared/errors';
import { canonicalJson } from '@showtell/shared/hash';
import { SIDES } from '@showtell/shared/image/limits';
import { z } from 'zod';
import { ENCODER } from '../inception-v3';

const FORMAT = 1;
const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;
const HIGHEST = 255;

const Three = z.tuple([z.number(), z.number(), z.number()]);
/** One number for all three channels, or one for each, in the model's own order of them. */
const PerChannel = z.union([z.number(), Three], { error: 'expected a number, or an array of three' });
const channels = (value: z.infer<typeof PerChannel>): z.infer<typeof Three> => (typeof value === 'number' ? [value, value, value] : value);

const Name = z
  .string()
  .regex(NAME, 'expected up to 63 lower-case letters, digits, ".", "_" and "-"')
  .refine((name) => name !== ENCODER, { error: `${ENCODER} is the name of Showtell's own` });
const Side = z.int().min(SIDES.least).max(SIDES.most);
const Layout = z.enum(['nchw', 'nhwc']);
const Colours = z.enum(['rgb', 'bgr']);
const Pooling = z.enum(['none', 'mean', 'first-token']);

/** `model.json` beside `model.onnx`, as a person writes it. */
const Written = z.strictObject({
  /** For people, and part of the encoder's identity. */
  name: Name,
  input: z
    .strictObject({
      name: z.string(),
      /** Photos are prepared as side × side pixels. */
      side: Side,
      layout: Layout.default('nchw'),
      colours: Colours.default('rgb'),
      /** What pixels of 0 and of 255 become, before mean and std. */
      range: z.tuple([z.number(), z.number()]).default([0, 1]),
      mean: PerChannel.default(0),
      std: PerChannel.optional(),
      /** In place of `std`: 1 / std. */
      scale: PerChannel.optional(),
    })
    .check(({ value: { std, scale, range }, issues }) => {
      const problem = (path: string, message: string) => issues.push({ code: 'custom', path: [path], message, input: undefined });
      if (std !== undefined && scale !== undefined) problem('scale', 'expected std or scale, not both');
      if (std !== undefined && channels(std).some((value) => value === 0)) problem('std', 'expected no 0, by which pixels are divided');
      if (scale !== undefined && channels(scale).some((value) => value === 0))
        problem('scale', 'expected no 0, which would make all pixels alike');
      if (range[0] === range[1]) problem('range', 'expected two different numbers');
    }),
  output: z.strictObject({
    name: z.string(),
    pooling: Pooling.default('none'),
    /** Length of a feature. */
    dimension: z.int().positive(),
  }),
});

/** What an encoder of the user's own takes and gives. Equal descriptions are equal here, however they were written. */
export const Description = z.strictObject({
  formatVersion: z.literal(FORMAT),
  name: Name,
  input: z.strictObject({
    name: z.string(),
    side: Side,
    layout: Layout,
    colours: Colours,
    /** Pixels of 0–255 become `x * scale + offset`, by channel in the model's own order. */
    scale: Three,
    offset: Three,
  }),
  output: z.strictObject({ name: z.string(), pooling: Pooling, dimension: z.int().positive() }),
});
export type Description = z.infer<typeof Description>;

/** Reads what a person wrote. @throws ShowtellError `WEIGHTS_INVALID` with every problem there is. */
export function parseWritten(text: string, where: string): Description {
  const { name, input, output } = parse(Written, text, where);
  const { range, mean, std, scale, ...rest } = input;
  const [low, high] = range;
  const factor = scale === undefined ? channels(std ?? 1).map((value) => 1 / value) : channels(scale);
  const means = channels(mean);
  return {
    formatVersion: FORMAT,
    name,
    input: {
      ...rest,
      scale: factor.map((value) => ((high - low) / HIGHEST) * value) as z.infer<typeof Three>,
      offset: factor.map((value, channel) => (low - means[channel]!) * value) as z.infer<typeof Three>,
    },
    output,
  };
}

/** Reads what `encodeDescription` wrote. @throws ShowtellError `WEIGHTS_INVALID`. */
export function decodeDescription(text: string, where: string): Description {
  return parse(Description, text, where);
}

export const encodeDescription = (description: Description): string => canonicalJson(description);

function parse<T extends z.ZodType>(schema: T, text: string, where: string): z.infer<T> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new ShowtellError('WEIGHTS_INVALID', `${where} is not JSON: ${(cause as Error).message}`, { cause, hint: HINT });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => `  ${path.length > 0 ? `${path.join('.')}: ` : ''}${message}`);
  throw new ShowtellError('WEIGHTS_INVALID', `${where} does not describe an encoder:\n${problems.join('\n')}`, { hint: HINT });
}

export const HINT = 'docs/encoder.md, "Bring your own encoder", has every field with an example.';
