import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { ShowtellError } from '../errors';

export interface S3ClientOptions {
  /** Address of an S3-compatible server; AWS without it. */
  readonly endpoint?: string | undefined;
  readonly region?: string | undefined;
  /** Sends no signature, as public buckets want it. */
  readonly unsigned?: boolean | undefined;
  /** Of the AWS SDK's files, for credentials and region. */
  readonly profile?: string | undefined;
  /** Default: where the AWS SDK finds them (environment, profile, role of the machine). */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken?: string } | undefined;
}

const DEFAULT_REGION = 'us-east-1';
const CONNECTIONS = 128;

const SILENT = { trace() {}, debug() {}, info() {}, warn() {}, error() {} };

/** Throws `CONFIG_INVALID` for an endpoint that is no http address or holds credentials. */
export function checkEndpoint(endpoint: string): URL {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (url && /^https?:$/.test(url.protocol) && !url.username && !url.password) return url;
  // Not printed: it may hold a secret.
  throw new ShowtellError('CONFIG_INVALID', 'Expected http://host or https://host, without user name and password, for the endpoint of S3');
}

/**
 * The AWS SDK's client as Showtell uses it. `attempts` are the SDK's own (the store has a retry loop for everything
 * but the pieces of an upload); `idleMs` is how long a connection may stand still, for which the SDK has no limit by itself.
 */
export async function createS3Client(options: S3ClientOptions, attempts: number, idleMs: number): Promise<S3Client> {
  const { endpoint, region, unsigned, profile, credentials } = options;
  // The SDK's version is fixed by our lock file, so its notice about versions to come is of no use to who runs Showtell.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';
  const config: S3ClientConfig = {
    maxAttempts: attempts,
    requestHandler: {
      connectionTimeout: idleMs,
      socketTimeout: idleMs,
      httpAgent: { maxSockets: CONNECTIONS, keepAlive: true },
      httpsAgent: { maxSockets: CONNECTIONS, keepAlive: true },
    },
    // The signature covers the body already; servers that know no checksums refuse them.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    region: region ?? (await configuredRegion(profile)) ?? DEFAULT_REGION,
    ...(endpoint ? { endpoint, forcePathStyle: true } : { followRegionRedirects: true }),
    ...(unsigned ? { signer: { sign: async (request) => request }, credentials: { accessKeyId: '', secretAccessKey: '' } } : {}),
    ...(credentials && !unsigned ? { credentials } : {}),
    // The SDK warns on the console of a profile beside keys in the environment, which belong to the other store.
    ...(profile ? { profile, logger: SILENT } : {}),
  };
  return new S3Client(config);
}

/** From AWS_REGION or the profile, as the SDK finds it; it throws when there is none. */
async function configuredRegion(profile: string | undefined): Promise<string | undefined> {
  const client = new S3Client({ ...(profile && { profile }) });
  try {
    return await client.config.region();
  } catch {
    return undefined;
  } finally {
    client.destroy();
  }
}
