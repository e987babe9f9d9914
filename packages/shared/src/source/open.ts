import type { ObjectStore } from '../object-store/object-store';
import { openStore } from '../object-store/open';
import type { SourceAddress } from '../schema/run';
import { objectSource } from './object-source';
import { sourceAccess } from './source-access';
import type { SourceReader } from './source-reader';
import { openSyntheticReader } from './synthetic-reader';

/** Opens what a run's photos are read from. Credentials come from the environment, never from the address. */
export function openSource(address: SourceAddress): SourceReader {
  if (address.kind === 'synthetic') return openSyntheticReader(address);
  return objectSource(openSourceStore(address));
}

/** The folder or prefix that a source lies in, as an object store; it is read only. It may have credentials of its own, which no other store uses. */
export function openSourceStore({ url, endpoint, unsigned }: Pick<SourceAddress, 'url' | 'endpoint' | 'unsigned'>): ObjectStore {
  return openStore(url, { endpoint, unsigned, ...(url.startsWith('s3:') && sourceAccess()) });
}
