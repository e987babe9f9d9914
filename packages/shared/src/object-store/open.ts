import { fileURLToPath } from 'node:url';
import { ShowtellError } from '../errors';
import { FileStore } from './file';
import type { ObjectStore } from './object-store';
import { S3Store } from './s3';
import type { S3StoreOptions } from './s3-connection';

export type StoreOptions = S3StoreOptions;

/**
 * Opens `file:///folder` or `s3://bucket/prefix`. Nothing is asked of the store yet; programs that commit call `probe()` first.
 * Options matter to `s3:` only. Throws `CONFIG_INVALID` for any other address, and for one that holds credentials.
 */
export function openStore(url: string, options: StoreOptions = {}): ObjectStore {
  const address = URL.canParse(url) ? new URL(url) : undefined;
  // What is refused is not printed whole: it may hold a secret.
  if (address?.username || address?.password)
    throw new ShowtellError(
      'CONFIG_INVALID',
      `Expected a store address without user name and password but received ${address.protocol}//…`,
      {
        hint: 'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY instead.',
      },
    );
  if (address?.protocol === 'file:' && address.host === '' && address.search === '' && address.hash === '')
    return new FileStore(fileURLToPath(address));
  const s3 = /^s3:\/\/([^/?#]+)(?:\/([^?#]*))?$/.exec(url);
  if (s3) return new S3Store(s3[1]!, s3[2] ?? '', options);
  throw new ShowtellError(
    'CONFIG_INVALID',
    `Expected file:///folder or s3://bucket/prefix for a store or source but received ${JSON.stringify(url)}`,
  );
}
