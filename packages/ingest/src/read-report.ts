import { isShowtellError } from '@showtell/shared/errors';
import { keys } from '@showtell/shared/keys';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { parseRecord } from '@showtell/shared/schema/record';
import { REPORT_FORMAT, ReportRecord } from '@showtell/shared/schema/report';

/**
 * The report beside a manifest. @returns `undefined` where there is none, as of runs that are older than reports, and where it cannot be
 * read: it says nothing that the commit records do not, and no command is to fail for it.
 */
export async function readReport(
  store: ObjectStore,
  run: string,
  manifest: number,
  options?: { readonly signal?: AbortSignal },
): Promise<ReportRecord | undefined> {
  const key = keys.report(run, manifest);
  const found = await store.get(key, options);
  if (found === undefined) return undefined;
  try {
    return parseRecord(ReportRecord, REPORT_FORMAT, found.body, key);
  } catch (error) {
    if (isShowtellError(error, 'CORRUPT_OBJECT') || isShowtellError(error, 'FORMAT_VERSION')) return undefined;
    throw error;
  }
}
