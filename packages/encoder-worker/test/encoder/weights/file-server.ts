import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** An HTTP server on this machine that gives one answer after the other, and the last one from then on. */
export interface FileServer {
  readonly url: URL;
  /** What was asked of it, in order. */
  readonly requests: IncomingMessage[];
  answer(...answers: Answer[]): void;
  /** Tells that a client has so many bytes: connections that were to break there do. */
  received(bytes: number): void;
  close(): Promise<void>;
}

export async function startFileServer(): Promise<FileServer> {
  const requests: IncomingMessage[] = [];
  let answers: Answer[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    (answers.length > 1 ? answers.shift()! : answers[0]!)(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/models/weights.h5`),
    requests,
    answer: (...next) => {
      answers = next;
      requests.length = 0;
    },
    received: (bytes) => {
      for (const response of BREAKING.get(bytes) ?? []) response.destroy();
      BREAKING.delete(bytes);
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

/** Answers that break off, by the number of bytes: only once the client has them all, or it may lose some. */
const BREAKING = new Map<number, ServerResponse[]>();

export interface Served {
  readonly etag?: string;
  readonly lastModified?: string;
  /** Bytes after which the connection breaks, once they were received. */
  readonly upTo?: number;
  /** Sends no more and leaves the connection open. */
  readonly hangs?: boolean;
  readonly announce?: boolean;
  readonly ranges?: boolean;
}

/** A file as a usual server gives it: ranges, `if-range`, `if-none-match`. */
export function file(body: Buffer, { etag, lastModified, upTo, hangs = false, announce = true, ranges = true }: Served = {}): Answer {
  return (request, response) => {
    if (etag !== undefined) response.setHeader('etag', etag);
    if (lastModified !== undefined) response.setHeader('last-modified', lastModified);
    if (etag !== undefined && request.headers['if-none-match'] === etag) {
      response.writeHead(304).end();
      return;
    }
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const same = [etag, lastModified].some((version) => version !== undefined && version === request.headers['if-range']);
    const start = ranges && same ? from : 0;
    if (start > 0) response.setHeader('content-range', `bytes ${start}-${body.length - 1}/${body.length}`);
    if (announce) response.setHeader('content-length', body.length - start);
    response.writeHead(start > 0 ? 206 : 200);
    const sent = body.subarray(start, upTo ?? body.length);
    if (upTo === undefined) response.end(sent);
    else {
      response.write(sent);
      if (!hangs) BREAKING.set(upTo, [...(BREAKING.get(upTo) ?? []), response]);
    }
  };
}

export const status =
  (code: number, headers: Record<string, string> = {}): Answer =>
  (_, response) =>
    response.writeHead(code, headers).end('<html>so</html>');
