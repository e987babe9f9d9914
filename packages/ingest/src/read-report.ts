import { isShowtellError } from '@showtell/shared/errors';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { parseRecord } from '@showtell/shared/schema/record';
import { REPORT_FORMAT, ReportRecord } from '@showtell/shared/schema/report';

/**
 * A report by its key. @returns `undefined` where it is not there or cannot be read: it says nothing that the commit records do not,
 * and no command is to fail for it.
 */
export async function readReport(
  store: ObjectStore,
  key: string,
  options?: { readonly signal?: AbortSignal },
): Promise<ReportRecord | undefined> {
  const found = await store.get(key, options);
  if (found === undefined) return undefined;
  try {
    return parseRecord(ReportRecord, REPORT_FORMAT, found.body, key);
  } catch (error) {
    if (isShowtellError(error, 'CORRUPT_OBJECT') || isShowtellError(error, 'FORMAT_VERSION')) return undefined;
    throw error;
  }
}
