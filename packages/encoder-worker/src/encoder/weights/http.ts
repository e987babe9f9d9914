import { ShowtellError } from '@showtell/shared/errors';
import { Agent, type Dispatcher, EnvHttpProxyAgent, interceptors } from 'undici';
import type { Origin, PartialFile } from './partial-file';

/** A try failed; another one may do better. */
export class TryAgain extends Error {
  override readonly name = 'TryAgain';
}

/** Connections through the proxies of the environment, following redirects. @param quietMs how long a server may send nothing. */
export function openDispatcher(quietMs: number): Dispatcher {
  const limits = { headersTimeout: quietMs, bodyTimeout: quietMs, connect: { timeout: quietMs } };
  const proxied = ['http_proxy', 'https_proxy'].some((name) => process.env[name] || process.env[name.toUpperCase()]);
  // Without a proxy the plain one: the other tells everybody that it is experimental.
  return (proxied ? new EnvHttpProxyAgent(limits) : new Agent(limits)).compose(interceptors.redirect({ maxRedirections: 5 }));
}

/** Headers of a request for the rest of a file, or for one that is another than the kept one, or for a whole file. */
export function requestHeaders(url: URL, partial: PartialFile | undefined, kept: Origin | undefined): Record<string, string> {
  // Compressed on the way, bytes could not be counted.
  const headers = { 'accept-encoding': 'identity', 'user-agent': 'showtell', ...authorization(url) };
  if (partial) {
    const { etag, lastModified } = partial.origin;
    // A weak etag does not name the very bytes.
    const validator = etag?.startsWith('W/') ? lastModified : (etag ?? lastModified);
    if (validator !== undefined) return { ...headers, range: `bytes=${partial.length}-`, 'if-range': validator };
  }
  if (kept?.etag !== undefined) return { ...headers, 'if-none-match': kept.etag };
  return kept?.lastModified === undefined ? headers : { ...headers, 'if-modified-since': kept.lastModified };
}

/** Whether the rest that a server sends (`content-range`) begins where the partial file ends. */
export function continues(range: string | undefined, partial: PartialFile | undefined): boolean {
  const match = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(range ?? '');
  if (!match || !partial) return false;
  const { bytes } = partial.origin;
  return Number(match[1]) === partial.length && (match[2] === '*' || bytes === undefined || Number(match[2]) === bytes);
}

/** What an answer without a file means. */
export function refusal(url: URL, status: number): Error {
  if (status === 408 || status === 429 || status >= 500) return new TryAgain(`the server answered ${status}`);
  const hint = status === 401 || status === 403 ? 'The address may need credentials, or have expired.' : 'Check the address.';
  return new ShowtellError('DOWNLOAD_FAILED', `${shown(url)} cannot be fetched: the server answered ${status}`, { hint, retryable: false });
}

/** Why a try failed, in a few words. */
export function reasonOf(error: unknown): string {
  const { message, code, errors } = error as { message: string; code?: string; errors?: readonly Error[] };
  if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT') return 'the server sent nothing for too long';
  // One for each address of a name.
  return message || errors?.[0]?.message || code || String(error);
}

/** Without user, password, query and fragment, any of which may be secret. */
export const shown = (url: URL): string => `${url.origin}${url.pathname}`;

/** What is sent to the server. */
export function bare(url: URL): URL {
  const copy = new URL(url);
  copy.username = copy.password = copy.hash = '';
  return copy;
}

function authorization({ username, password }: URL): Record<string, string> {
  if (username === '' && password === '') return {};
  const user = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { authorization: `Basic ${Buffer.from(user).toString('base64')}` };
}
