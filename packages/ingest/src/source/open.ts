import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ShowtellError } from '@showtell/shared/errors';
import { cocoDataset } from './coco';
import type { DatasetSource } from './dataset';
import { syntheticDataset } from './synthetic';

export interface OpenDatasetOptions {
  /** Address of the S3-compatible server that has the source, where it is not AWS. */
  readonly endpoint?: string;
  /** Reads without signing, as for public buckets. */
  readonly unsigned?: boolean;
  /** Folder that paths are relative to. */
  readonly cwd?: string;
}

/**
 * The dataset that a person names: `synthetic:N`, a folder, or a `file://` or `s3://` address. Nothing is read yet.
 * The address that comes out is absolute and without end slash, so that the same dataset always has the same one. Throws `USAGE`.
 */
export function openDataset(text: string, { endpoint, unsigned, cwd = process.cwd() }: OpenDatasetOptions = {}): DatasetSource {
  if (text.startsWith('synthetic:')) return syntheticDataset(text);
  const url = addressOf(text, cwd);
  if (url.startsWith('file:')) return cocoDataset({ kind: 'coco', url });
  return cocoDataset({ kind: 'coco', url, ...(endpoint !== undefined && { endpoint }), ...(unsigned === true && { unsigned }) });
}

function addressOf(text: string, cwd: string): string {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(text)?.[1]?.toLowerCase();
  if (text === '' || (scheme !== undefined && scheme !== 'file' && scheme !== 's3'))
    throw new ShowtellError(
      'USAGE',
      `Expected a folder, a file:// or s3:// address or synthetic:N for the source but received ${scheme ?? 'nothing'}`,
      {
        hint: 'Name the folder or prefix that holds annotations/ and the folders of photos.',
      },
    );
  if (scheme === undefined) return pathToFileURL(resolve(cwd, text)).href;
  // Whatever is frozen with the run can be read by everybody who reads the run.
  if (/^[a-z0-9]+:\/\/[^/]*@/i.test(text))
    throw new ShowtellError('USAGE', 'Expected an address without user name or password for the source', {
      hint: 'Give credentials in the environment, as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.',
    });
  return text.replace(/\/+$/, '');
}
