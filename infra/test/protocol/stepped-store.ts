import { sha256 } from '@showtell/shared/hash';
import type { ObjectInfo, ObjectStore } from '@showtell/shared/object-store/object-store';

/** Bodies by key. An object's etag is its content's hash, as S3's is: what was there before and is there again looks unchanged. */
export type Objects = ReadonlyMap<string, Buffer>;

/** A request that waits for the moment at which the store takes it. */
export interface Request {
  readonly process: string;
  /** What is asked, of which key, what is written and on which condition. */
  readonly text: string;
  readonly writes: boolean;
  /** Takes effect, now, at once and whole; may be called again where an answer was lost and the store is asked again. */
  readonly apply: (objects: Map<string, Buffer>) => unknown;
  /** Tells the process. */
  readonly answer: (result: unknown) => void;
}

const etags = new WeakMap<Buffer, string>();
export function etagOf(body: Buffer): string {
  const known = etags.get(body) ?? sha256(body);
  etags.set(body, known);
  return known;
}

const EPOCH = new Date(0);
const SHOWN = 12;
const shown = (body: Buffer) => etagOf(body).slice(0, SHOWN);

/** A store of which every request waits: `ask` is told of it, and decides when it takes effect and when the process hears of that. */
export function steppedStore(process: string, ask: (request: Request) => void): ObjectStore {
  const request = <T>(name: string, key: string, writes: boolean, detail: string, apply: (objects: Map<string, Buffer>) => T) =>
    new Promise<T>((resolve) =>
      ask({ process, text: `${process}: ${name} ${key} ${detail}`, writes, apply, answer: (result) => resolve(result as T) }),
    );
  const write = (name: string, key: string, body: Uint8Array) => {
    // The caller's memory may be written to before the request takes effect.
    const bytes = Buffer.from(body);
    return request(name, key, true, shown(bytes), (objects) => {
      objects.set(key, bytes);
      return { etag: etagOf(bytes) };
    });
  };
  const info = (key: string, body: Buffer): ObjectInfo => ({ key, bytes: body.length, etag: etagOf(body), lastModified: EPOCH });
  const no = (name: string) => () => {
    throw new Error(`The protocols explored here do not call ${name}`);
  };
  return {
    url: 'memory:',
    get: (key) =>
      request('get', key, false, '', (objects) => {
        const body = objects.get(key);
        return body && { body, etag: etagOf(body) };
      }),
    head: (key) =>
      request('head', key, false, '', (objects) => {
        const body = objects.get(key);
        return body && info(key, body);
      }),
    put: (key, body) => write('put', key, body),
    upload: async (key, body) => void (await write('upload', key, body)),
    putIfAbsent: (key, body) => {
      const bytes = Buffer.from(body);
      return request('putIfAbsent', key, true, shown(bytes), (objects) => {
        if (objects.has(key)) return { created: false };
        objects.set(key, bytes);
        return { created: true, etag: etagOf(bytes) };
      });
    },
    replace: (key, body, etag) => {
      const bytes = Buffer.from(body);
      return request('replace', key, true, `${etag.slice(0, SHOWN)} by ${shown(bytes)}`, (objects) => {
        const there = objects.get(key);
        if (there === undefined || etagOf(there) !== etag) return { replaced: false };
        objects.set(key, bytes);
        return { replaced: true, etag: etagOf(bytes) };
      });
    },
    delete: (key, { ifMatch } = {}) =>
      request('delete', key, true, ifMatch?.slice(0, SHOWN) ?? '', (objects) => {
        const there = objects.get(key);
        if (there && (ifMatch === undefined || etagOf(there) === ifMatch)) objects.delete(key);
      }),
    async *list(prefix) {
      yield* await request('list', prefix, false, '', (objects) =>
        [...objects]
          .filter(([key]) => key.startsWith(prefix))
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([key, body]) => info(key, body)),
      );
    },
    stream: no('stream'),
    folders: no('folders'),
    leftovers: no('leftovers'),
    removeLeftover: no('removeLeftover'),
    probe: no('probe'),
    close: async () => {},
  };
}
