import { ShowtellError } from '@showtell/shared/errors';
import { keys } from '@showtell/shared/keys';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { decodeMetadata } from '@showtell/shared/safetensors';
import type { EncoderIdentity } from '@showtell/shared/schema/encoder-identity';
import type { ManifestRecord } from '@showtell/shared/schema/manifest';
import type { OpenModel } from './checkpoint/open-model';
import { differences } from './train/differences';

/**
 * Refuses a run that was not encoded as a checkpoint wants it.
 * @param anyPrecision lets features of the same encoder in another precision pass: what that costs is worth knowing.
 * @throws ShowtellError `MIXED_ENCODER` with the differences and what to do.
 */
export async function checkEncoder(
  store: ObjectStore,
  { model, preprocessing }: OpenModel,
  { run, encoder }: ManifestRecord,
  anyPrecision: boolean,
): Promise<void> {
  const wanted = preprocessing.encoder;
  const found = differences(wanted, encoder, ['in the checkpoint', 'in the run']);
  if (found.length === 0) return;
  const alike = wanted.precision !== encoder.precision && (await areOneEncoder(store, wanted, encoder));
  if (alike && anyPrecision) return;
  throw new ShowtellError(
    'MIXED_ENCODER',
    `Run ${run} was not encoded as model ${model} wants it:\n${found.map((line) => `  ${line}`).join('\n')}`,
    {
      hint: alike
        ? `The encoder is the same, in ${encoder.precision} instead of ${wanted.precision}: --any-precision takes its features all the same.`
        : 'Encode the photos with the encoder that the model was trained on, as another run: showtell enqueue SOURCE --run NAME --weights … --precision ….',
    },
  );
}

/** Whether two encoders differ in nothing but how exactly they compute. */
async function areOneEncoder(store: ObjectStore, one: EncoderIdentity, other: EncoderIdentity): Promise<boolean> {
  const alike = (['encoder', 'preprocessing', 'dimension'] as const).every((name) => one[name] === other[name]);
  return alike && (await sourceWeights(store, one)) === (await sourceWeights(store, other));
}

/** sha256 of the float32 weights that an encoder computes with, or, for int8, that were quantised; these say it in their metadata. */
async function sourceWeights(store: ObjectStore, { precision, weightsSha256 }: EncoderIdentity): Promise<string> {
  if (precision !== 'int8') return weightsSha256;
  const key = keys.weights(weightsSha256);
  const read = async (end: number) => (await store.get(key, { range: { start: 0, end } }))?.body;
  const beginning = await read(LENGTH_BYTES - 1);
  const header = beginning && (await read(LENGTH_BYTES + Number(beginning.readBigUInt64LE(0)) - 1));
  return header ? (decodeMetadata(header, key)['source'] ?? weightsSha256) : weightsSha256;
}

/** A safetensors file begins with the length of its header. */
const LENGTH_BYTES = 8;
