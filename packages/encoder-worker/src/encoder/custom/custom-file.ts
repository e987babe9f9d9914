import { ShowtellError } from '@showtell/shared/errors';
import { type ModelFile, type Port, readModelFile, withMetadata } from '@showtell/shared/onnx/model-file';
import { type Description, decodeDescription, encodeDescription } from './description';

/** Key of the description in the model's metadata: one file, and one sha256, for both. */
const KEY = 'showtell.encoder';

/** An encoder of the user's own: an ONNX model that fits its description. */
export interface CustomModel {
  readonly model: Uint8Array;
  readonly description: Description;
  readonly input: Port & { readonly type: 'float32' | 'float16' };
  readonly output: Port;
  /** Photos in one run: 1 where the model takes no other number. */
  readonly batch: 1 | undefined;
}

/** The one file of model and description. */
export function encodeCustomFile(model: Uint8Array, description: Description): Buffer {
  return withMetadata(model, KEY, encodeDescription(description));
}

/**
 * @param where names the file in errors.
 * @throws ShowtellError `WEIGHTS_INVALID` when it is no ONNX model, has no description, or does not fit it.
 */
export function decodeCustomFile(bytes: Uint8Array, where: string): CustomModel {
  const outside = readOutside(bytes, where);
  const text = outside.metadata.get(KEY);
  if (text === undefined)
    throw new ShowtellError('WEIGHTS_INVALID', `${where} is an ONNX model without a description of its input and output`);
  const description = decodeDescription(text, `The description in ${where}`);
  return { model: bytes, description, ...fit(outside, description, where) };
}

/** Whether the model carries its description, as one does that came out of the store. */
export function isDescribed(bytes: Uint8Array, where: string): boolean {
  return readOutside(bytes, where).metadata.has(KEY);
}

function readOutside(bytes: Uint8Array, where: string): ModelFile {
  try {
    return readModelFile(bytes);
  } catch (cause) {
    throw new ShowtellError(
      'WEIGHTS_INVALID',
      `Expected an ONNX model in ${where} but it is none, or cut short (${bytes.length} bytes): ${(cause as Error).message}`,
      { cause },
    );
  }
}

function fit(outside: ModelFile, { input: wanted, output: given }: Description, where: string): Omit<CustomModel, 'model' | 'description'> {
  const invalid = (problem: string, hint?: string) =>
    new ShowtellError('WEIGHTS_INVALID', `${where} ${problem}`, hint === undefined ? {} : { hint });
  if (outside.external !== undefined)
    throw invalid(
      `keeps numbers in another file (external data, first of ${outside.external})`,
      'Save the model as one file: onnx.save_model(onnx.load("model.onnx"), "one.onnx", save_as_external_data=False).',
    );
  const input = outside.inputs.find(({ name }) => name === wanted.name);
  // Any value within the model will do: of a classifier, the one before its last layer is the feature.
  const output = outside.values.get(given.name);
  if (input === undefined) throw invalid(`has no input ${JSON.stringify(wanted.name)}; there ${list(outside.inputs)}`);
  if (output === undefined) throw invalid(`has no output ${JSON.stringify(given.name)}; there ${list(outside.outputs)}`);
  if (outside.inputs.length > 1)
    throw invalid(`takes more than pictures: there ${list(outside.inputs)}`, 'Export the part that encodes pictures alone.');
  if (!isFloat(input)) throw invalid(`expects ${show(input)}; Showtell feeds float32 or float16`);
  if (output.type !== undefined && !isFloat(output)) throw invalid(`gives ${show(output)}; Showtell takes float32 or float16`);

  const { side, layout } = wanted;
  const expected = layout === 'nchw' ? [undefined, 3, side, side] : [undefined, side, side, 3];
  const fits = (shape: NonNullable<Port['shape']>) =>
    shape.length === 4 && shape.every((size, axis) => size === undefined || expected[axis] === undefined || size === expected[axis]);
  if (input.shape !== undefined && !fits(input.shape))
    throw invalid(`expects ${show(input)} but its description says [n, ${expected.slice(1).join(', ')}]: side ${side}, layout ${layout}`);
  const batch = input.shape?.[0];
  if (batch !== undefined && batch !== 1)
    throw invalid(`takes exactly ${batch} pictures at once: ${show(input)}`, 'Export it with a batch of 1, or of any size (dynamic axes).');

  const { shape } = output;
  const ranks = { none: [2, 3, 4], mean: [3, 4], 'first-token': [3] }[given.pooling];
  if (shape === undefined && given.pooling !== 'none')
    throw invalid(`does not say the rank of ${output.name}, which is to be pooled`, 'Run onnx.shape_inference.infer_shapes over it.');
  if (shape !== undefined && !ranks.includes(shape.length))
    throw invalid(`gives ${show(output)}, of rank ${shape.length}; pooling "${given.pooling}" takes rank ${ranks.join(' or ')}`);
  return { input, output, batch };
}

const isFloat = (port: Port): port is CustomModel['input'] => port.type === 'float32' || port.type === 'float16';

const show = ({ name, type, shape }: Port) =>
  `${name}: ${type ?? 'another type'}${shape === undefined ? '' : ` [${shape.map((size) => size ?? '?').join(', ')}]`}`;

const list = (ports: readonly Port[]) => `${ports.length === 1 ? 'is' : 'are'} ${ports.map(show).join('; ') || 'none'}`;
