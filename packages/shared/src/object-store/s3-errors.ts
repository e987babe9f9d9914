import { type ErrorCode, isShowtellError, ShowtellError } from '../errors';
import { TLS_HINT, tlsTrouble } from '../tls-trouble';
import { AttemptTimeout, type Verdict } from './retry';

/** What was tried and where, for the message. */
export interface S3Call {
  readonly operation: string;
  readonly key: string;
  /** The store's address, with its endpoint when that is not AWS. */
  readonly where: string;
}

/** A body ended before its length was reached. */
export class ShortBody extends Error {
  override readonly name = 'ShortBody';
}

/** Times that a body which ends early is read. */
export const READS = 3;

/** Errors of programs and not of networks; `undefined` is that of what is no error at all. */
const BUGS = new Set<string | undefined>(['TypeError', 'RangeError', 'ReferenceError', 'SyntaxError', undefined]);

interface ServiceError extends Error {
  readonly code?: string;
  readonly ServerTime?: Date | string;
  readonly $metadata?: { readonly httpStatusCode?: number; readonly requestId?: string; readonly clockSkewCorrected?: boolean };
  readonly $response?: { readonly statusCode?: number; readonly headers?: Readonly<Record<string, string>> };
}

/** The HTTP status of an answer that was an error; `undefined` when there was no answer. */
export function statusOf(error: unknown): number | undefined {
  const { $metadata, $response } = error as ServiceError;
  return $response?.statusCode ?? $metadata?.httpStatusCode;
}

/** Says what an error of the AWS SDK means. The SDK's own error is not passed on: it carries headers and the signed request. */
export function judgeS3(call: S3Call, error: unknown, attempts: number): Verdict {
  if (isShowtellError(error) || BUGS.has((error as Error | undefined)?.name)) return { again: false, error };
  const { name, message, code } = error as ServiceError;
  const status = statusOf(error);
  const verdict = (
    again: boolean,
    errorCode: ErrorCode,
    hint?: string,
    // The answer to a HEAD has no body with a name and a message, for which the SDK then puts words of its own.
    what = status ? (name === 'Unknown' ? `HTTP ${status}` : `${name} (HTTP ${status}): ${message}`) : message,
  ) => ({
    again,
    error: new ShowtellError(errorCode, `${call.operation} of ${JSON.stringify(call.key)} in ${call.where} failed: ${what}`, {
      cause: Object.assign(new Error(`${name}: ${message}`), { status, requestId: (error as ServiceError).$metadata?.requestId }),
      ...(hint && { hint }),
    }),
  });

  if (error instanceof ShortBody) return verdict(attempts < READS, 'CORRUPT_OBJECT', undefined, `${message}, ${READS} times`);
  if (error instanceof AttemptTimeout) return verdict(true, 'STORE_UNREACHABLE', 'Check the address and that the server runs.');
  if (name === 'CredentialsProviderError')
    return verdict(
      false,
      'STORE_DENIED',
      'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or AWS_PROFILE (of a source: SHOWTELL_SOURCE_…); a public bucket is read without signing.',
      `no credentials were found (${message})`,
    );
  if (isUnknownKey(error)) return verdict(false, 'STORE_DENIED', DENIED_HINT);
  if (name === 'EndpointError' || name === 'InvalidBucketName' || name === 'NoSuchBucket')
    return verdict(false, 'NO_SUCH_BUCKET', 'Check the name of the bucket, the endpoint and the region.');
  // The answer to a HEAD has no body that says why it was refused, but the SDK has seen by its Date that the clocks differ.
  if (name === 'RequestTimeTooSkewed' || (status === 403 && (error as ServiceError).$metadata?.clockSkewCorrected === true))
    // The SDK corrects its clock by the answer, so the second attempt is signed with the store's time.
    return verdict(
      attempts === 1,
      'CLOCK_SKEW',
      'Set the clock of this machine.',
      `the clock here says ${now()}, the store's ${serverTime(error as ServiceError)}`,
    );
  if (status === undefined) {
    const trouble = tlsTrouble(error);
    if (trouble !== undefined) return verdict(false, 'STORE_UNREACHABLE', `${ADDRESS_HINT} ${TLS_HINT}`, trouble);
    return verdict(true, 'STORE_UNREACHABLE', 'Check the address and that the server runs.', `${code ?? name}: ${message}`);
  }
  if (status === 501) return verdict(false, 'UNSAFE_STORE', 'Use a store with conditional writes.');
  // 409: two conditional writes of one key at once. The SDK does not retry it.
  if (status >= 500 || status === 409 || status === 429 || status === 408 || name === 'RequestTimeout' || status < 300)
    return verdict(true, 'STORE_UNREACHABLE');
  if (status === 404) return verdict(false, 'NO_SUCH_BUCKET', 'Check the name of the bucket, the endpoint and the region.');
  return verdict(false, 'STORE_DENIED', DENIED_HINT);
}

const ADDRESS_HINT = 'The address is in S3_ENDPOINT (of a source: --source-endpoint).';

const DENIED_HINT =
  'Check the credentials, what they are allowed to do, and the region (AWS_REGION; of a source that has its own: SHOWTELL_SOURCE_ACCESS_KEY_ID, …).';

/** An access key that the store does not know. versitygw answers with 404, as if something were absent. */
export const isUnknownKey = (error: unknown) => /^(InvalidAccessKeyId|XAdminUserNotFound)$/.test((error as Error).name);

const now = () => new Date().toISOString();

function serverTime({ ServerTime, $response }: ServiceError): string {
  const time = new Date(ServerTime ?? $response?.headers?.['date'] ?? Number.NaN);
  return Number.isNaN(time.valueOf()) ? 'another time' : time.toISOString();
}
