import { type Agent, createServer, request as httpRequest, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { signedAnew } from './signed-anew';
import { reset, startTcpProxy, type TcpProxy } from './tcp-proxy';

export interface FaultRule {
  /** Every request if nothing is said. */
  readonly match?: {
    readonly method?: string;
    /** Of the path and query as they were sent, bucket and prefix included. */
    readonly path?: RegExp;
    /** By lower-case name; a header that is absent matches nothing. */
    readonly header?: Readonly<Record<string, RegExp>>;
  };
  /** How many requests it befalls; all if nothing is said. */
  readonly times?: number;
  readonly action: FaultAction;
}

export type FaultAction =
  /** Answers by itself, with an error of S3 unless `body` says something else. The request is not forwarded. */
  | { readonly status: number; readonly code?: string; readonly body?: string; readonly headers?: Readonly<Record<string, string>> }
  /** Forwards after so many milliseconds. */
  | { readonly delay: number }
  /** Resets the connection after so many bytes of the answer's body; its head announces all of them. */
  | { readonly cut: number }
  /** Ends the answer's body after so many bytes as if that were all: chunked, or with a Content-Length that fits. */
  | { readonly truncate: number; readonly as?: 'chunked' | 'length' }
  /** Resets the connection. The request is not forwarded. */
  | { readonly reset: true }
  /** Reads the request and never answers. It is not forwarded. */
  | { readonly hang: true }
  /** Sends no more after so many bytes of the answer's body. */
  | { readonly stall: number }
  /** Forwards, waits for the whole answer, and resets the connection in its place. */
  | { readonly dropAnswer: true }
  /** Moves the answer's `Date` by so many milliseconds. */
  | { readonly date: number }
  /** Forwards without a header (in lower case), signed anew, as a server would see it that knows nothing of it. */
  | { readonly stripRequestHeader: string };

export interface PassedRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  /** Of the answer that was sent; `undefined` while, or where, there was none. */
  status: number | undefined;
  /** What befell it. */
  readonly action: FaultAction | undefined;
}

export interface FaultProxy extends TcpProxy {
  /** The target's address with this proxy's port: user name, password and path are the target's. */
  readonly url: string;
  /** The first rule that matches befalls a request. To be changed at any time. */
  readonly rules: FaultRule[];
  /** In the order in which they came; of HTTP alone. */
  readonly requests: PassedRequest[];
}

export interface FaultProxyOptions {
  /** `http:` makes it tell requests apart; anything else is passed on as bytes. */
  readonly url: string;
  /** Of S3; needed where a rule changes what is signed. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/**
 * A proxy in front of a server on a loopback port, to which faults are given while it works. The Host header stays what the
 * client signed. Faults of the connection itself (`cut`, `hang`, `delay`) are told apart from those of requests (`rules`).
 */
export async function startFaultProxy({ url, credentials }: FaultProxyOptions): Promise<FaultProxy> {
  const target = new URL(url);
  const rules: FaultRule[] = [];
  const requests: PassedRequest[] = [];
  const inner = target.protocol === 'http:' ? await startRequestProxy({ target, rules, requests, credentials }) : undefined;
  const tcp = await startTcpProxy(inner ? (inner.address() as AddressInfo).port : Number(target.port));
  const outer = new URL(url);
  outer.port = String(tcp.port);
  return {
    ...tcp,
    // No slash behind the port: endpoints and addresses of Redis have none.
    url: outer.href.replace(/\/$/, ''),
    rules,
    requests,
    async stop() {
      await tcp.stop();
      inner?.closeAllConnections();
      inner?.close();
    },
  };
}

interface RequestProxyOptions {
  readonly target: URL;
  readonly rules: readonly FaultRule[];
  readonly requests: PassedRequest[];
  readonly credentials: FaultProxyOptions['credentials'];
}

async function startRequestProxy({ target, rules, requests, credentials }: RequestProxyOptions): Promise<Server> {
  const befallen = new Map<FaultRule, number>();
  const actionFor = (request: IncomingMessage): FaultAction | undefined => {
    const rule = rules.find((one) => matches(one, request) && (befallen.get(one) ?? 0) < (one.times ?? Number.POSITIVE_INFINITY));
    if (rule) befallen.set(rule, (befallen.get(rule) ?? 0) + 1);
    return rule?.action;
  };
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const action = actionFor(request);
    const { method = '', url: path = '', headers } = request;
    const passed: PassedRequest = { method, path, headers, status: undefined, action };
    requests.push(passed);
    if (action !== undefined && 'reset' in action) {
      reset(request.socket);
      return;
    }
    if (action !== undefined && ('hang' in action || 'status' in action)) {
      request.resume();
      if ('status' in action) request.once('end', () => say(response, action, passed));
      return;
    }
    if (action !== undefined && 'delay' in action) await sleep(action.delay);
    const strip = action !== undefined && 'stripRequestHeader' in action ? action.stripRequestHeader : undefined;
    forward(request, response, strip === undefined ? request.rawHeaders : await signedAnew(request, strip, credentials!));
  };
  const forward = (request: IncomingMessage, response: ServerResponse, headers: readonly string[]) => {
    const passed = requests.findLast(({ headers: own }) => own === request.headers)!;
    const { method, url: path } = request;
    const onward = httpRequest({ host: target.hostname, port: target.port, method, path, headers, agent: false as unknown as Agent });
    onward.on('response', (answered) => giveBack(answered, response, passed));
    // A server that is gone looks to the client as it is.
    onward.on('error', () => lose(response));
    response.on('close', () => onward.destroy());
    request.pipe(onward);
  };
  const server = createServer({ keepAliveTimeout: 0, requestTimeout: 0 }, (request, response) => {
    answer(request, response).catch(() => reset(request.socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

function matches({ match: { method, path, header = {} } = {} }: FaultRule, request: IncomingMessage): boolean {
  if (method !== undefined && method !== request.method) return false;
  if (path !== undefined && !path.test(request.url ?? '')) return false;
  return Object.entries(header).every(([name, pattern]) => {
    const value = request.headers[name];
    return value !== undefined && pattern.test(String(value));
  });
}

function say(
  response: ServerResponse,
  { status, code, body, headers }: Extract<FaultAction, { status: number }>,
  passed: PassedRequest,
): void {
  const name = code ?? (status === 503 ? 'SlowDown' : 'InternalError');
  passed.status = status;
  response.writeHead(status, { 'content-type': 'application/xml', ...headers });
  response.end(body ?? `<?xml version="1.0"?><Error><Code>${name}</Code><Message>The fault proxy said ${name}</Message></Error>`);
}

/** Passes on an answer, or what its action leaves of it. */
function giveBack(answered: IncomingMessage, response: ServerResponse, passed: PassedRequest): void {
  const { action } = passed;
  const status = answered.statusCode!;
  if (action !== undefined && 'dropAnswer' in action) {
    answered.resume().once('end', () => reset(response.req.socket));
    return;
  }
  passed.status = status;
  const headers = { ...answered.headers };
  if (action !== undefined && 'date' in action) headers.date = new Date(Date.parse(headers.date!) + action.date).toUTCString();
  if (action !== undefined && 'truncate' in action) {
    if (action.as === 'length') headers['content-length'] = String(Math.min(action.truncate, Number(headers['content-length'])));
    else delete headers['content-length'];
  }
  response.writeHead(status, headers);
  // A head alone must not wait for a body that will not come.
  response.flushHeaders();
  const after =
    action === undefined
      ? undefined
      : 'cut' in action
        ? ([action.cut, () => reset(response.req.socket)] as const)
        : 'truncate' in action
          ? ([action.truncate, () => response.end()] as const)
          : 'stall' in action
            ? ([action.stall, () => {}] as const)
            : undefined;
  answered.on('error', () => lose(response));
  if (after === undefined) answered.pipe(response);
  else void passBytes(answered, response, ...after);
}

/** Sends so many bytes of a body, or all if it has fewer; then something else happens than its end. */
async function passBytes(answered: IncomingMessage, response: ServerResponse, bytes: number, then: () => void): Promise<void> {
  let left = bytes;
  for await (const chunk of answered as AsyncIterable<Buffer>) {
    const part = chunk.subarray(0, left);
    left -= part.length;
    // A reset overtakes what the socket has not yet taken.
    if (part.length > 0) await new Promise((resolve) => response.write(part, resolve));
    if (left === 0) break;
  }
  then();
}

/** Unless all that was to be said is said: what is on its way must arrive. */
const lose = (response: ServerResponse) => {
  if (!response.writableEnded) reset(response.req.socket);
};
