import { type Entry, fromRandomAccessReaderPromise, type ZipFile } from 'yauzl';
import { ShowtellError } from '../errors';
import type { ObjectInfo, ObjectStore } from '../object-store/object-store';
import { ArchivePieces } from './archive-pieces';
import { EntryLedger, nameKey } from './entry-ledger';
import { checkEntry, entryName, isFolder, LOCAL_HEADER_BYTES, type ZipEntry } from './zip-entry';
import { corruptZip, unsafeZip } from './zip-errors';

/** COCO's largest archive has 123,404. So many take 96 MB while their directory is read. */
export const MOST_ENTRIES = 4_000_000;
/** An entry has a record in the directory and a local header, each with its name. */
const LEAST_ENTRY_BYTES = 46 + 1 + LOCAL_HEADER_BYTES + 1;
const END_RECORD_BYTES = 22;
const RECORD_SIGNATURE = 'PK\x01\x02';

/**
 * The files of a zip archive in a store, in the order of its directory. Only that is read, by ranges; memory does not grow with the
 * archive but for 24 bytes an entry. What comes can be relied on once the iteration has come to its end: names and places are
 * compared there.
 * @throws ShowtellError `UNSAFE_ZIP`; `CORRUPT_ZIP`; `SOURCE_CHANGED` for an archive that changed meanwhile; what the store throws.
 */
export async function* readDirectory(store: ObjectStore, archive: ObjectInfo, signal?: AbortSignal): AsyncGenerator<ZipEntry> {
  let ledger: EntryLedger | undefined;
  for await (const { zip, directory, found } of readRecords(store, archive, signal)) {
    const entry = checkEntry(found, archive.key);
    const end = endOf(found);
    if (end > directory)
      throw unsafeZip({ archive: archive.key, entry: entry.entry }, `Expected to end before byte ${directory} but received ${end}`);
    ledger ??= new EntryLedger(zip.entryCount);
    ledger.add(entry.entry, entry.offset, end);
    if (!isFolder(entry)) yield entry;
  }
  const overlap = ledger?.overlap();
  if (overlap !== undefined) {
    const entry = await findName(store, archive, (found) => found.relativeOffsetOfLocalHeader === overlap, signal);
    throw unsafeZip({ archive: archive.key, entry }, `Expected bytes of its own but received bytes of another entry, at ${overlap}`);
  }
  const duplicate = ledger?.duplicate();
  if (duplicate !== undefined) {
    const entry = await findName(store, archive, (found) => nameKey(nameOf(found)) === duplicate, signal);
    throw unsafeZip({ archive: archive.key, entry }, 'Expected one entry of this name but received two');
  }
}

interface FoundRecord {
  readonly zip: ZipFile;
  /** Where the directory begins. */
  readonly directory: number;
  readonly found: Entry;
}

/** The records of a directory, as they stand there. */
async function* readRecords(store: ObjectStore, archive: ObjectInfo, signal?: AbortSignal): AsyncGenerator<FoundRecord> {
  const { key: name, bytes } = archive;
  const pieces = new ArchivePieces(store, archive, signal);
  try {
    const zip = await fromRandomAccessReaderPromise(pieces, bytes, { autoClose: false, decodeStrings: false, validateEntrySizes: false });
    if (zip.entryCount > MOST_ENTRIES)
      throw unsafeZip({ archive: name }, `Expected at most ${MOST_ENTRIES} entries but received ${zip.entryCount}`);
    if (zip.entryCount * LEAST_ENTRY_BYTES > bytes)
      throw unsafeZip({ archive: name }, `Expected no more entries than ${bytes} bytes can hold but received ${zip.entryCount}`);
    const directory = cursorOf(zip);
    for await (const found of zip.eachEntry()) {
      signal?.throwIfAborted();
      yield { zip, directory, found };
    }
    // Some programs write the number of entries as far as it fits.
    const end = cursorOf(zip);
    if (end + END_RECORD_BYTES > bytes || (await pieces.bytes(end, 4)).toString('latin1') === RECORD_SIGNATURE)
      throw corruptZip({ archive: name }, `Expected a directory of ${zip.entryCount} entries to end at byte ${end}, but it goes on`);
  } catch (error) {
    signal?.throwIfAborted();
    throw explain(error, name);
  } finally {
    await pieces.stop();
  }
}

/** Where yauzl reads on. (Its types say that this is a boolean.) */
const cursorOf = ({ readEntryCursor }: ZipFile) => Number(readEntryCursor);

/** The first byte behind an entry, which may have extra fields besides. */
const endOf = (found: Entry) => found.relativeOffsetOfLocalHeader + LOCAL_HEADER_BYTES + found.fileNameLength + found.compressedSize;

const nameOf = (found: Entry) => entryName(found.generalPurposeBitFlag, found.fileNameRaw, found.extraFields);

/** Reads the directory again for the message of an error: what is remembered of every entry has no name. */
async function findName(store: ObjectStore, archive: ObjectInfo, isIt: (found: Entry) => boolean, signal?: AbortSignal) {
  for await (const { found } of readRecords(store, archive, signal)) if (isIt(found)) return nameOf(found);
  return undefined;
}

/** What yauzl says of an archive that it does not read: it throws plain errors, and only their words tell one from another. */
function explain(error: unknown, archive: string): unknown {
  if (error instanceof ShowtellError || (error as Error).constructor !== Error) return error;
  const { message } = error as Error;
  return /multi-disk|encryption/.test(message) ? unsafeZip({ archive }, message, error) : corruptZip({ archive }, message, error);
}
