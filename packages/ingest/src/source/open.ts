import { basename, dirname, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ShowtellError } from '@showtell/shared/errors';
import type { SourceAddress } from '@showtell/shared/schema/run';
import { openSourceStore } from '@showtell/shared/source/open';
import { captions } from './captions';
import { coco } from './coco';
import { cocoZip } from './coco-zip';
import type { DatasetSource } from './dataset';
import { photoFolder } from './find-photos';
import { karpathy } from './karpathy';
import { describeKinds, type Found, notADataset, recognise, severalDatasets } from './recognise';
import type { SourceKind } from './source-kind';
import { synthetic, syntheticDataset } from './synthetic';

/** Every kind of source. Add a dataset format by a file beside this one, and its row here. */
export const SOURCES: readonly SourceKind[] = [coco, cocoZip, captions, karpathy, synthetic];

export interface OpenDatasetOptions {
  /** Address of the S3-compatible server that has the source, where it is not AWS. */
  readonly endpoint?: string;
  /** Reads without signing, as for public buckets. */
  readonly unsigned?: boolean;
  /** Folder that paths are relative to. */
  readonly cwd?: string;
  /** Folder that the photos of a captions file are relative to, itself relative to the dataset. */
  readonly photos?: string;
  readonly signal?: AbortSignal;
}

/**
 * The dataset that a person names: `synthetic:N`, a folder, a `file://` or `s3://` address, or a file of the dataset in one of these.
 * What lies there is recognised by a few list requests. The address that comes out is absolute and without end slash, so that the same
 * dataset always has the same one, however it was named.
 * @throws ShowtellError `USAGE`, `NOT_A_DATASET` where there is none or more than one, or what the store throws.
 */
export async function openDataset(text: string, options: OpenDatasetOptions = {}): Promise<DatasetSource> {
  if (text.startsWith('synthetic:')) {
    const drawn = syntheticDataset(text);
    withPhotos(synthetic, drawn.address, options.photos);
    return drawn;
  }
  const { endpoint, unsigned, signal } = options;
  const url = addressOf(text, options.cwd ?? process.cwd());
  const reached = url.startsWith('file:') ? {} : { ...(endpoint !== undefined && { endpoint }), ...(unsigned === true && { unsigned }) };
  const { kind, address } = await find(url, reached, signal);
  return kind.open(withPhotos(kind, address, options.photos));
}

function withPhotos(kind: SourceKind, address: SourceAddress, photos: string | undefined): SourceAddress {
  if (photos === undefined) return address;
  if (kind.takesPhotos === true) return { ...address, photos: photoFolder(photos) };
  throw new ShowtellError('USAGE', `Expected a captions file of its own with --photos but received a dataset of kind ${kind.kind}`, {
    hint: 'Leave --photos away: this kind says by itself where its photos lie.',
  });
}

/** How the place is reached; it becomes part of the address. */
type Reached = Pick<SourceAddress, 'endpoint' | 'unsigned'>;

async function find(url: string, reached: Reached, signal?: AbortSignal): Promise<{ kind: SourceKind; address: SourceAddress }> {
  const choose = (at: string, { kind, captions: file }: Found) => ({
    kind,
    address: { kind: kind.kind, url: at, ...reached, ...(file !== undefined && { captions: file }) },
  });
  const named = await namedFile(url, reached, signal);
  if (named !== undefined) return choose(named.url, named.found);
  const { folder, name } = parts(url);
  const above = SOURCES.filter(({ folders = [] }) => folders.includes(name));
  for (const [at, kinds] of [
    [folder, above],
    [url, SOURCES],
  ] as const) {
    if (kinds.length === 0) continue;
    const store = openSourceStore({ url: at, ...reached });
    try {
      const found = await recognise(store, kinds, signal);
      if (found.length === 1) return choose(at, found[0]!);
      if (found.length > 1) throw severalDatasets(store, found);
      if (at === url) throw await notADataset(store, SOURCES, signal);
    } finally {
      await store.close();
    }
  }
  throw new ShowtellError('BUG', `Expected a verdict on ${url} but received none`);
}

// As in `*/metadata.csv`: stands for each folder, in the name of files that only together are a dataset.
const EACH = '*';

/** The dataset that is meant by one of its files, where there is such a file. */
async function namedFile(url: string, reached: Reached, signal?: AbortSignal): Promise<{ url: string; found: Found } | undefined> {
  const { folder, name } = parts(url);
  const { folder: above, name: within } = parts(folder);
  const files = within === EACH ? `${EACH}/${name}` : name;
  const found = SOURCES.flatMap((kind) => {
    const recognised = kind.named?.(files);
    return recognised === undefined ? [] : [{ kind, ...recognised }];
  })[0];
  if (found === undefined || folder === url) return undefined;
  // Which of them are there, the scan finds out.
  if (within === EACH) return { url: above, found };
  const store = openSourceStore({ url: folder, ...reached });
  try {
    if ((await store.head(name, { ...(signal && { signal }) })) === undefined) return undefined;
  } finally {
    await store.close();
  }
  // Whoever calls his own folder `zips` has the dataset in it, and not above.
  const isPart = found.kind.folders?.includes(within) === true && found.kind.recognise([`${within}/${name}`]).length > 0;
  return { url: isPart ? above : folder, found };
}

/** The last name of an address, as it is and not as a URL has it, and the address without it. */
function parts(url: string): { folder: string; name: string } {
  if (url.startsWith('file:')) {
    const path = fileURLToPath(url);
    return { folder: pathToFileURL(dirname(path)).href, name: basename(path) };
  }
  const [, folder = url, name = ''] = /^(s3:\/\/[^/]+(?:\/.*)?)\/([^/]+)$/.exec(url) ?? [];
  return { folder, name };
}

function addressOf(text: string, cwd: string): string {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(text)?.[1]?.toLowerCase();
  if (text === '' || (scheme !== undefined && scheme !== 'file' && scheme !== 's3'))
    throw new ShowtellError(
      'USAGE',
      `Expected a folder, a file:// or s3:// address or synthetic:N for the source but received ${scheme ?? 'nothing'}`,
      { hint: `A source is one of these:\n${describeKinds(SOURCES)}` },
    );
  if (scheme === undefined) return pathToFileURL(resolve(cwd, text)).href;
  // Whatever is frozen with the run can be read by everybody who reads the run.
  if (/^[a-z0-9]+:\/\/[^/]*@/i.test(text))
    throw new ShowtellError('USAGE', 'Expected an address without user name or password for the source', {
      hint: 'Give credentials in the environment, as SHOWTELL_SOURCE_ACCESS_KEY_ID and SHOWTELL_SOURCE_SECRET_ACCESS_KEY.',
    });
  if (scheme === 's3') return text.replace(/^s3:/i, 's3:').replace(/\/+$/, '');
  return pathToFileURL(resolve(localPath(text))).href;
}

function localPath(address: string): string {
  try {
    return fileURLToPath(address);
  } catch (cause) {
    throw new ShowtellError('USAGE', 'Expected file:///folder for a source on this machine but received another file: address', {
      cause,
      hint: 'Name the folder as a path.',
    });
  }
}
