import type { ObjectStore } from '@showtell/shared/object-store/object-store';

/** What a store was asked for, as requests that an S3 server would see: a listing costs one for each thousand objects. */
export interface Requests {
  puts: number;
  gets: number;
  heads: number;
  lists: number;
}

export interface CountingStore {
  readonly store: ObjectStore;
  readonly requests: Requests;
}

const PAGE = 1_000;

/** Passes everything on and counts it; what a program probes at its start is left out. An upload counts as one, as it is of small bodies. */
export function countingStore(store: ObjectStore): CountingStore {
  const requests: Requests = { puts: 0, gets: 0, heads: 0, lists: 0 };
  const kinds = { put: 'puts', upload: 'puts', putIfAbsent: 'puts', replace: 'puts', get: 'gets', stream: 'gets', head: 'heads' } as const;
  const counting = new Proxy(store, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      if (name === 'list')
        return async function* (...args: Parameters<ObjectStore['list']>) {
          let objects = 0;
          for await (const found of target.list(...args)) {
            objects++;
            yield found;
          }
          requests.lists += Math.max(1, Math.ceil(objects / PAGE));
        };
      return (...args: unknown[]) => {
        if (name in kinds) requests[kinds[name as keyof typeof kinds]]++;
        return (member as (...given: unknown[]) => unknown).apply(target, args);
      };
    },
  });
  return { store: counting, requests };
}
