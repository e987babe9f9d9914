import { isShowtellError } from '@showtell/shared/errors';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { readRecord } from '@showtell/shared/read-record';
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
  try {
    return (await readRecord(store, ReportRecord, REPORT_FORMAT, key, options))?.record;
  } catch (error) {
    if (isShowtellError(error, 'CORRUPT_OBJECT') || isShowtellError(error, 'FORMAT_VERSION')) return undefined;
    throw error;
  }
}
