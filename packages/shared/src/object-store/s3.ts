import { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  ListMultipartUploadsCommand,
  type ListMultipartUploadsCommandOutput,
  ListObjectsV2Command,
  type ListObjectsV2CommandOutput,
  ListPartsCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { ShowtellError } from '../errors';
import { keys } from '../keys';
import { checkFolder, checkPrefix } from './key';
import type { Leftover, ObjectInfo, ObjectStore, ReadOptions, StoredObject, WriteOptions } from './object-store';
import { probeConditionalWrites } from './probe';
import { S3Connection, type S3StoreOptions } from './s3-connection';

export type { S3StoreOptions };

import { statusOf } from './s3-errors';
import { headObject, readObject, streamObject } from './s3-read';

/** Programs probe at start, where somebody waits for the answer. */
const PROBE_DEADLINE_MS = 15_000;
const PIECE_BYTES = 2 ** 23;

type Signalled = { readonly signal?: AbortSignal };
type Replaced = { readonly replaced: true; readonly etag: string } | { readonly replaced: false };
type Created = { readonly created: true; readonly etag: string } | { readonly created: false };

/** Objects of `s3://bucket/prefix`, on AWS or on any server that speaks S3 and has conditional writes. */
export class S3Store implements ObjectStore {
  readonly url: string;
  private readonly s3: S3Connection;

  constructor(
    private readonly bucket: string,
    private readonly prefix: string,
    private readonly options: S3StoreOptions = {},
  ) {
    this.s3 = new S3Connection(bucket, prefix, options);
    this.url = this.s3.url;
  }

  async get(key: string, options: ReadOptions = {}): Promise<StoredObject | undefined> {
    return readObject(this.s3, key, options);
  }

  async stream(key: string, options: ReadOptions = {}): Promise<NodeJS.ReadableStream | undefined> {
    const chunks = await streamObject(this.s3, key, options);
    return chunks && Readable.from(chunks, { objectMode: false });
  }

  async head(key: string, { signal }: Signalled = {}): Promise<ObjectInfo | undefined> {
    return headObject(this.s3, key, signal);
  }

  async put(key: string, body: Uint8Array, options: WriteOptions = {}): Promise<{ etag: string }> {
    return this.s3.call('PutObject', key, options.signal, body.byteLength, (signal) => this.send(key, body, {}, options, signal));
  }

  async upload(key: string, body: Uint8Array, options: WriteOptions = {}): Promise<void> {
    const { s3 } = this;
    await s3.call('PutObject', key, options.signal, body.byteLength, async (signal) => {
      const client = await s3.client('pieces');
      signal.throwIfAborted();
      const upload = new Upload({ client, params: { ...s3.address(key), ...content(body, options) }, partSize: PIECE_BYTES });
      const abort = () => void upload.abort();
      signal.addEventListener('abort', abort, { once: true });
      try {
        await upload.done();
      } finally {
        signal.removeEventListener('abort', abort);
      }
    });
  }

  async putIfAbsent(key: string, body: Uint8Array, options: WriteOptions = {}): Promise<Created> {
    return this.s3.call<Created>('PutObject', key, options.signal, body.byteLength, async (signal) => {
      try {
        return { created: true, ...(await this.send(key, body, { IfNoneMatch: '*' }, options, signal)) };
      } catch (error) {
        if (statusOf(error) === 412) return { created: false };
        throw error;
      }
    });
  }

  async replace(key: string, body: Uint8Array, etag: string, options: WriteOptions = {}): Promise<Replaced> {
    let attempts = 0;
    const answer = await this.s3.call<Replaced>('PutObject', key, options.signal, body.byteLength, async (signal) => {
      attempts += 1;
      try {
        return { replaced: true, ...(await this.send(key, body, { IfMatch: etag }, options, signal)) };
      } catch (error) {
        // Where there is nothing, AWS answers 404 to If-Match.
        if (statusOf(error) === 412 || (error as Error).name === 'NoSuchKey') return { replaced: false };
        throw error;
      }
    });
    if (answer.replaced || attempts === 1) return answer;
    // An earlier attempt may have replaced it with only the answer lost: then what is there is ours.
    const found = await this.get(key, options.signal ? { signal: options.signal } : {});
    return found?.body.equals(body) ? { replaced: true, etag: found.etag } : answer;
  }

  async *list(prefix: string, options: Signalled = {}): AsyncGenerator<ObjectInfo> {
    // Consoles make empty objects that stand for folders.
    for await (const page of this.pages(checkPrefix(prefix), {}, options))
      for (const { Key = '', Size = 0, ETag = '', LastModified = new Date(Number.NaN) } of page.Contents ?? []) {
        const key = listedKey(Key, page);
        if (!key.endsWith('/')) yield { key: key.slice(this.s3.prefix.length), bytes: Size, etag: ETag, lastModified: LastModified };
      }
  }

  async *folders(folder: string, options: Signalled = {}): AsyncGenerator<string> {
    const begin = this.s3.prefix.length + checkFolder(folder).length;
    for await (const page of this.pages(folder, { Delimiter: '/' }, options))
      for (const { Prefix = '' } of page.CommonPrefixes ?? []) yield listedKey(Prefix, page).slice(begin, -1);
  }

  private async *pages(prefix: string, more: { readonly Delimiter?: string }, { signal }: Signalled) {
    const { s3 } = this;
    // Keys may have characters that XML has no place for: one such photo would spoil the list.
    const query = { Bucket: s3.bucket, Prefix: s3.prefix + prefix, EncodingType: 'url' as const, ...more };
    let token: string | undefined;
    do {
      const next = token === undefined ? {} : { ContinuationToken: token };
      const page = await s3.call('ListObjectsV2', prefix, signal, 0, async (abortSignal) =>
        (await s3.client()).send(new ListObjectsV2Command({ ...query, ...next }), { abortSignal }),
      );
      yield page;
      token = page.NextContinuationToken;
    } while (token !== undefined);
  }

  async delete(key: string, { ifMatch: IfMatch }: { readonly ifMatch?: string } = {}): Promise<void> {
    const { s3 } = this;
    const command = { ...s3.address(key), ...(IfMatch !== undefined && { IfMatch }) };
    await s3.call('DeleteObject', key, undefined, 0, async (abortSignal) => {
      try {
        await s3.orAbsent(abortSignal, (client) => client.send(new DeleteObjectCommand(command), { abortSignal }));
      } catch (error) {
        // Another object by now.
        if (IfMatch === undefined || statusOf(error) !== 412) throw error;
      }
    });
  }

  async *leftovers({ signal }: Signalled = {}): AsyncGenerator<Leftover> {
    const { s3 } = this;
    let from: { readonly KeyMarker?: string; readonly UploadIdMarker?: string } | undefined = {};
    while (from !== undefined) {
      const query = { Bucket: s3.bucket, Prefix: s3.prefix, ...from };
      const page: ListMultipartUploadsCommandOutput = await s3.call('ListMultipartUploads', '', signal, 0, async (abortSignal) =>
        (await s3.client()).send(new ListMultipartUploadsCommand(query), { abortSignal }),
      );
      for (const { Key = '', UploadId: id = '', Initiated = new Date(Number.NaN) } of page.Uploads ?? []) {
        const key = Key.slice(s3.prefix.length);
        yield { key, id, bytes: await this.piecesBytes(key, id, signal), lastModified: Initiated };
      }
      const { IsTruncated = false, NextKeyMarker: KeyMarker, NextUploadIdMarker: UploadIdMarker } = page;
      from = IsTruncated && KeyMarker !== undefined ? { KeyMarker, ...(UploadIdMarker !== undefined && { UploadIdMarker }) } : undefined;
    }
  }

  async removeLeftover({ key, id }: Leftover): Promise<void> {
    const { s3 } = this;
    await s3.call('AbortMultipartUpload', key, undefined, 0, (abortSignal) =>
      s3.orAbsent(abortSignal, (client) =>
        client.send(new AbortMultipartUploadCommand({ ...s3.address(key), UploadId: id }), { abortSignal }),
      ),
    );
  }

  /** Of the first thousand pieces: more than the largest part has. */
  private async piecesBytes(key: string, id: string, signal: AbortSignal | undefined): Promise<number> {
    const { s3 } = this;
    const found = await s3.call('ListParts', key, signal, 0, (abortSignal) =>
      s3.orAbsent(abortSignal, (client) => client.send(new ListPartsCommand({ ...s3.address(key), UploadId: id }), { abortSignal })),
    );
    return (found?.Parts ?? []).reduce((sum, { Size = 0 }) => sum + Size, 0);
  }

  async probe(options: Signalled = {}): Promise<void> {
    const deadlineMs = Math.min(this.s3.deadlineMs, PROBE_DEADLINE_MS);
    const brief = new S3Store(this.bucket, this.prefix, {
      ...this.options,
      deadlineMs,
      attemptMs: Math.min(this.s3.attemptMs, deadlineMs),
    });
    try {
      await probeConditionalWrites(brief, options);
      await brief.s3.learnAbsence(keys.absent(), options.signal);
      this.s3.learnFrom(brief.s3);
    } finally {
      await brief.close();
    }
  }

  async close(): Promise<void> {
    await this.s3.close();
  }

  private async send(
    key: string,
    body: Uint8Array,
    condition: { readonly IfNoneMatch?: string; readonly IfMatch?: string },
    options: WriteOptions,
    abortSignal: AbortSignal,
  ): Promise<{ etag: string }> {
    const client = await this.s3.client();
    abortSignal.throwIfAborted();
    const command = new PutObjectCommand({ ...this.s3.address(key), ...content(body, options), ...condition });
    const { ETag } = await client.send(command, { abortSignal });
    if (!ETag) throw new ShowtellError('STORE_UNREACHABLE', `${this.url} answers a PUT without an etag, as no S3 server does`);
    return { etag: ETag };
  }
}

function content(body: Uint8Array, { contentType }: WriteOptions) {
  return { Body: body, ContentLength: body.byteLength, ...(contentType ? { ContentType: contentType } : {}) };
}

/** A key as it is: in lists it stands as in a form's address, where the server does as it was asked. */
function listedKey(key: string, { EncodingType }: Pick<ListObjectsV2CommandOutput, 'EncodingType'>): string {
  return EncodingType === 'url' ? decodeURIComponent(key.replaceAll('+', ' ')) : key;
}
