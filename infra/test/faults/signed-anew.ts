import type { IncomingMessage } from 'node:http';
import { S3Client } from '@aws-sdk/client-s3';

/**
 * Raw headers of a request without one of them, signed as if the client had never sent it: a header that is merely left out would
 * break the signature, and the server would answer to that. The body's hash stands in a header of its own.
 */
export async function signedAnew(
  request: IncomingMessage,
  without: string,
  credentials: { readonly accessKeyId: string; readonly secretAccessKey: string },
): Promise<string[]> {
  const client = new S3Client({ credentials, region: 'us-east-1' });
  const url = new URL(request.url ?? '', `http://${request.headers.host}`);
  const kept = Object.entries(request.headers).filter(([name]) => name !== without && name !== 'authorization');
  const signer = await client.config.signer();
  const { headers } = await signer.sign({
    method: request.method!,
    protocol: url.protocol,
    hostname: url.hostname,
    port: Number(url.port),
    path: url.pathname,
    query: Object.fromEntries(url.searchParams),
    headers: Object.fromEntries(kept.map(([name, value]) => [name, String(value)])),
  });
  client.destroy();
  return Object.entries(headers).flat();
}
