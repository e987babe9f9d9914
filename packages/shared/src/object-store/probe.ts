import { ShowtellError } from '../errors';
import { keys } from '../keys';
import type { ObjectStore } from './object-store';

const BODY = Buffer.from('Showtell writes this object once to see whether the store refuses to write it twice.\n');
/** Unlike what is there: a replacement that was refused is told from one whose answer was lost by what is found afterwards. */
const OTHER = Buffer.from('Showtell wrote this object on the strength of a wrong etag, which the store should have refused.\n');
/** Has the form of an etag of every store, and is none of this object. */
const WRONG_ETAG = '"00000000000000000000000000000000"';

/** Proves on one fixed key, which a sound store never changes after its creation, that both kinds of conditional write are refused when they must be. */
export async function probeConditionalWrites(store: ObjectStore, options: { readonly signal?: AbortSignal } = {}): Promise<void> {
  await store.putIfAbsent(keys.probe(), BODY, options);
  if ((await store.putIfAbsent(keys.probe(), BODY, options)).created) throw unsafe(store, 'If-None-Match: it created one object twice');
  if ((await store.replace(keys.probe(), OTHER, WRONG_ETAG, options)).replaced)
    throw unsafe(store, 'If-Match: it replaced an object on the strength of a wrong etag');
}

function unsafe(store: ObjectStore, what: string): ShowtellError {
  return new ShowtellError('UNSAFE_STORE', `${store.url} ignores ${what}`, {
    hint: 'Use a store with conditional writes (AWS S3, MinIO, versitygw, a local folder); on this one two workers could both commit.',
  });
}
