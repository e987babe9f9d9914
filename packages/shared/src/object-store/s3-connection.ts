import { GetObjectCommand, HeadBucketCommand, type S3Client } from '@aws-sdk/client-s3';
import { checkKey, checkPrefix } from './key';
import { type Attempt, retry } from './retry';
import { checkEndpoint, createS3Client, type S3ClientOptions } from './s3-client';
import { isUnknownKey, judgeS3, statusOf } from './s3-errors';

export interface S3StoreOptions extends S3ClientOptions {
  /** No attempt of a call begins later than this after the first one, and none lasts longer; large bodies get more. Default 60 s. */
  readonly deadlineMs?: number | undefined;
  /** How long the store may stand still in one attempt. Default 20 s. */
  readonly attemptMs?: number | undefined;
}

const DEADLINE_MS = 60_000;
/** For a store that has never answered: an address that is wrong should be told soon, an outage be waited out. */
const FIRST_ANSWER_MS = 10_000;
const ATTEMPT_MS = 20_000;
/** The slowest line that large bodies are given time for. */
const BYTES_PER_MS = 256;
const PIECE_ATTEMPTS = 4;

/** A bucket and prefix, and how they are talked to: every call has its deadline and its meaning in Showtell's errors. */
export class S3Connection {
  readonly url: string;
  readonly prefix: string;
  readonly attemptMs: number;
  readonly deadlineMs: number;
  private readonly where: string;
  private readonly opened = new Map<'calls' | 'pieces', Promise<S3Client>>();
  /** Longer than an attempt, so that the attempt's own clock is first and its error the clearer one. */
  private readonly idleMs: number;
  /** To who may not list, AWS says of what is not there that it is forbidden. */
  private absentIsForbidden = false;
  private bucketSeen = false;
  private answered = false;

  constructor(
    readonly bucket: string,
    prefix: string,
    private readonly options: S3StoreOptions,
  ) {
    const names = checkPrefix(prefix.replace(/^\/+|\/+$/g, ''));
    this.prefix = names && `${names}/`;
    this.url = `s3://${bucket}/${names}`;
    this.where = options.endpoint ? `${this.url} at ${checkEndpoint(options.endpoint).origin}` : this.url;
    this.attemptMs = options.attemptMs ?? ATTEMPT_MS;
    this.idleMs = 2 * this.attemptMs;
    this.deadlineMs = options.deadlineMs ?? DEADLINE_MS;
  }

  /** `pieces` is for uploads, whose pieces the SDK sends again by itself. */
  client(use: 'calls' | 'pieces' = 'calls'): Promise<S3Client> {
    const client = this.opened.get(use) ?? createS3Client(this.options, use === 'calls' ? 1 : PIECE_ATTEMPTS, this.idleMs);
    this.opened.set(use, client);
    return client;
  }

  address(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.bucket, Key: this.prefix + checkKey(key) };
  }

  /** `bytes` is the length of what is sent. */
  call<T>(operation: string, key: string, signal: AbortSignal | undefined, bytes: number, attempt: Attempt<T>): Promise<T> {
    const deadlineMs = this.answered ? this.deadlineMs : Math.min(this.deadlineMs, FIRST_ANSWER_MS);
    const limits = { deadlineMs: deadlineMs + transferMs(bytes), attemptMs: this.attemptMs + transferMs(bytes) };
    const answer: Attempt<T> = async (...given) => {
      const result = await attempt(...given);
      this.answered = true;
      return result;
    };
    return retry(limits, signal, answer, (error, attempts) => {
      this.answered ||= statusOf(error) !== undefined;
      return judgeS3({ operation, key, where: this.where }, error, attempts);
    });
  }

  /** `undefined` when the answer is that there is no such object. */
  async orAbsent<T>(abortSignal: AbortSignal, work: (client: S3Client) => Promise<T>): Promise<T | undefined> {
    const client = await this.client();
    try {
      const found = await work(client);
      this.bucketSeen = true;
      return found;
    } catch (error) {
      const { name } = error as Error;
      if (name === 'NoSuchKey') return undefined;
      if (statusOf(error) !== 404 || name === 'NoSuchBucket' || isUnknownKey(error)) throw error;
      // The answer to a HEAD has no body that says whether the object or the bucket is missing.
      if (!this.bucketSeen) await this.seeBucket(client, abortSignal);
      return undefined;
    }
  }

  /** As `orAbsent`, of what is read. A DELETE that is forbidden is never taken for one of nothing. */
  async readOrAbsent<T>(abortSignal: AbortSignal, work: (client: S3Client) => Promise<T>): Promise<T | undefined> {
    try {
      return await this.orAbsent(abortSignal, work);
    } catch (error) {
      if (this.absentIsForbidden && isForbidden(error)) return undefined;
      throw error;
    }
  }

  /** Finds out how this store tells of what is absent, by a key that nobody writes and that who asks may read. */
  async learnAbsence(key: string, signal: AbortSignal | undefined): Promise<boolean> {
    return this.call('GetObject', key, signal, 0, async (abortSignal) => {
      const client = await this.client();
      try {
        await client.send(new GetObjectCommand(this.address(key)), { abortSignal });
      } catch (error) {
        const { name } = error as Error;
        if (name !== 'NoSuchKey' && name !== 'AccessDenied') throw error;
        this.absentIsForbidden = name === 'AccessDenied';
      }
      return this.absentIsForbidden;
    });
  }

  /** Takes over what another connection of the same credentials has learnt. */
  learnFrom(other: S3Connection): void {
    this.absentIsForbidden = other.absentIsForbidden;
  }

  async close(): Promise<void> {
    for (const client of this.opened.values()) (await client).destroy();
  }

  private async seeBucket(client: S3Client, abortSignal: AbortSignal): Promise<void> {
    try {
      await client.send(new HeadBucketCommand({ Bucket: this.bucket }), { abortSignal });
    } catch (error) {
      // Who may not ask about a bucket is told so only when it exists.
      if (statusOf(error) !== 403) throw error;
    }
    this.bucketSeen = true;
  }
}

/** The answer to a HEAD has no body that names the error, so the SDK calls it by its status. */
const isForbidden = (error: unknown) => statusOf(error) === 403 && /^(AccessDenied|Forbidden|Unknown\w*|403)$/.test((error as Error).name);

export const transferMs = (bytes: number) => bytes / BYTES_PER_MS;
