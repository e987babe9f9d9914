import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface FaultRequest {
  readonly method: string;
  /** What stands behind the bucket's name. */
  readonly key: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
  /** Requests that came before, of any kind. */
  readonly before: number;
}

/** What a fault returns to have the request answered as an S3 server would. */
export const ORDINARY = Symbol('ordinary answer');

/** Answers a request in its own way, or never. */
type Fault = (request: FaultRequest, response: ServerResponse) => unknown;

export interface FaultServer {
  readonly endpoint: string;
  readonly requests: FaultRequest[];
  readonly objects: Map<string, Buffer>;
  fault: Fault;
  stop(): Promise<void>;
}

export const fail = (response: ServerResponse, status: number, code: string, more = '', headers: Record<string, string> = {}) => {
  response.writeHead(status, { 'content-type': 'application/xml', ...headers });
  response.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>It said ${code}</Message>${more}</Error>`);
};

/**
 * A server on a loopback port that holds objects of one bucket in memory and honours conditional writes,
 * except where `fault` does something else. It checks no signature.
 */
export async function startFaultServer(fault: Fault = () => ORDINARY): Promise<FaultServer> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { pathname, searchParams: query } = new URL(request.url ?? '', 'http://localhost');
      const key = decodeURIComponent(pathname.replace(/^\/[^/]*\/?/, ''));
      const { method = '', headers } = request;
      const seen = { method, key, query, headers, body: Buffer.concat(chunks), before: state.requests.length };
      state.requests.push(seen);
      if (state.fault(seen, response) === ORDINARY) answer(state.objects, seen, response);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const state: FaultServer = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: [],
    objects: new Map(),
    fault,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return state;
}

export const etagOf = (body: Buffer) => `"${createHash('md5').update(body).digest('hex')}"`;

export function answer(objects: Map<string, Buffer>, { method, key, headers, body }: FaultRequest, response: ServerResponse): void {
  const found = objects.get(key);
  if (method === 'PUT') {
    const refused =
      headers['if-none-match'] === '*' ? found !== undefined : headers['if-match'] && headers['if-match'] !== (found && etagOf(found));
    if (refused) return fail(response, 412, 'PreconditionFailed');
    objects.set(key, body);
    response.writeHead(200, { etag: etagOf(body) }).end();
    return undefined;
  }
  if (!found) return fail(response, 404, 'NoSuchKey');
  const range = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '');
  const part = range ? found.subarray(Number(range[1]), Number(range[2]) + 1) : found;
  response.writeHead(range ? 206 : 200, {
    etag: etagOf(found),
    'content-length': part.length,
    'last-modified': new Date(1_700_000_000_000).toUTCString(),
  });
  response.end(method === 'HEAD' ? undefined : part);
  return undefined;
}
