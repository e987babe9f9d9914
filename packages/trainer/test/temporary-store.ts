import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileStore } from '@showtell/shared/object-store/file';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';

/** A folder for a test, removed by `remove`. */
export function temporaryFolder(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'showtell-trainer-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export function openFileStore(folder: string): ObjectStore {
  return new FileStore(folder);
}

/** An empty store for the tests of a file; its folder is removed after the last of them. */
export function temporaryStore(folder = temporaryFolder()): ObjectStore {
  const store = openFileStore(folder.path);
  afterAll(async () => {
    await store.close();
    folder.remove();
  });
  return store;
}

const WRITES = ['put', 'upload', 'putIfAbsent', 'replace', 'delete'] as const;

/**
 * The process that uses this store dies before its `write`-th write (counted from 0): that one and everything after it fails.
 * Renewals of a lease do not count: there are the more of them, the slower the machine is.
 */
export function dyingStore(store: ObjectStore, write: number): ObjectStore & { readonly writes: () => number } {
  let writes = 0;
  return new Proxy(store, {
    get(target, name) {
      if (name === 'writes') return () => writes;
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        if ((WRITES as readonly unknown[]).includes(name) && !String(args[0]).endsWith('/lease.json')) writes += 1;
        if (writes > write) return Promise.reject(new Error('killed'));
        return value.apply(target, args) as unknown;
      };
    },
  }) as ObjectStore & { readonly writes: () => number };
}

export interface SleepyStore {
  readonly store: ObjectStore;
  /** No call begins from now on; resolves when those that had begun are over. */
  readonly sleep: () => Promise<void>;
  readonly wake: () => void;
}

/** The store of a process that can be stopped and continued, as by SIGSTOP and SIGCONT: while it sleeps no call begins. */
export function sleepyStore(store: ObjectStore): SleepyStore {
  let awake: Promise<void> = Promise.resolve();
  const begun = new Set<Promise<unknown>>();
  let wake = () => {};
  const wrapped = new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      if (name === 'list') return value.bind(target) as unknown;
      return async (...args: unknown[]) => {
        await awake;
        const call = Promise.resolve(value.apply(target, args) as unknown);
        begun.add(call);
        return call.finally(() => begun.delete(call));
      };
    },
  });
  const sleep = async () => {
    awake = new Promise((resolve) => {
      wake = resolve;
    });
    await Promise.allSettled(begun);
  };
  return { store: wrapped, sleep, wake: () => wake() };
}
