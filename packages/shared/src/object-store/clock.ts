import { ShowtellError } from '../errors';
import { keys } from '../keys';
import type { ObjectStore } from './object-store';

const BODY = Buffer.from('Showtell writes this object to see what time it is for the store.\n');

/** The store's own time, as it stands in `lastModified` of what is written now. This machine's clock has no part in it. */
export async function storeTime(store: ObjectStore, options: { readonly signal?: AbortSignal } = {}): Promise<Date> {
  await store.put(keys.clock(), BODY, options);
  const found = await store.head(keys.clock(), options);
  if (found && !Number.isNaN(found.lastModified.valueOf())) return found.lastModified;
  throw new ShowtellError('STORE_UNREACHABLE', `${store.url} does not tell when ${keys.clock()} was written, which was just now`);
}
