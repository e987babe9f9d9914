import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import type { SourceAddress } from '@showtell/shared/schema/run';
import { openSourceStore } from '@showtell/shared/source/open';
import type { Dataset, DatasetSource, ScanOptions } from './dataset';

/** Lists and checks what lies in a store, as `DatasetSource.scan` does. */
export type ScanStore = (store: ObjectStore, address: SourceAddress, options: ScanOptions) => Promise<Dataset>;

/** A dataset in a folder or under an S3 prefix, which is open while it is scanned. */
export function storedDataset(address: SourceAddress, scan: ScanStore): DatasetSource {
  return {
    address,
    async scan(options) {
      const store = openSourceStore(address);
      try {
        return await scan(store, address, options);
      } finally {
        await store.close();
      }
    },
  };
}
