import { setTimeout as sleep } from 'node:timers/promises';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { Lease, readLease } from '../../src/checkpoint/lease';
import { openFileStore, sleepyStore, temporaryFolder } from '../temporary-store';

const folder = temporaryFolder();
const store = openFileStore(folder.path);
const leases: Lease[] = [];
const wakes: (() => void)[] = [];
afterAll(async () => {
  for (const wake of wakes) wake();
  for (const lease of leases) await lease.release().catch(() => {});
  await store.close();
  folder.remove();
});

const LEASE_SECONDS = 0.3;
async function acquire(training: string, holder: string, on: ObjectStore = store, leaseSeconds = LEASE_SECONDS): Promise<Lease> {
  const lease = await Lease.acquire(on, training, { holder, leaseSeconds });
  leases.push(lease);
  return lease;
}

const asleep = () => {
  const sleeper = sleepyStore(store);
  wakes.push(sleeper.wake);
  return sleeper;
};

test('while its holder renews it, a second trainer is refused', async () => {
  const lease = await acquire('held', 'one');
  expect(lease.epoch).toBe(1);
  await expect(acquire('held', 'two')).rejects.toMatchObject({ code: 'LEASE_HELD', message: expect.stringContaining('one') });
  expect(lease.signal.aborted).toBe(false);
});

test('a released lease is taken at once, under the next epoch', async () => {
  await (await acquire('released', 'one', store, 60)).release();
  // With a lease time of a minute this would not end in time if it waited.
  expect((await acquire('released', 'two', store, 60)).epoch).toBe(2);
});

test('a lease that does not change is taken over; its old holder is fenced at its next renewal', async () => {
  const old = asleep();
  const first = await acquire('taken', 'one', old.store);
  await old.sleep();
  const second = await acquire('taken', 'two');
  expect(second.epoch).toBe(2);
  old.wake();
  await expect(first.renew()).rejects.toMatchObject({ code: 'FENCED', message: expect.stringContaining('two') });
  expect(first.signal.reason).toMatchObject({ code: 'FENCED' });
  await first.release();
  await second.renew();
  expect((await readLease(store, 'taken'))!.record).toMatchObject({ epoch: 2, holder: 'two', released: false });
});

test('to release what another has taken over meanwhile is no trouble', async () => {
  const old = asleep();
  const first = await acquire('late', 'one', old.store, 60);
  await old.sleep();
  await acquire('late', 'two', store, 0.1);
  old.wake();
  await first.release();
  expect(first.signal.reason).toMatchObject({ code: 'FENCED' });
  expect((await readLease(store, 'late'))!.record).toMatchObject({ holder: 'two', released: false });
});

test('the renewal on the timer notices the takeover by itself', async () => {
  const old = asleep();
  const first = await acquire('timer', 'one', old.store);
  await old.sleep();
  await acquire('timer', 'two');
  old.wake();
  for (const deadline = performance.now() + 10_000; !first.signal.aborted && performance.now() < deadline; ) await sleep(10);
  expect(first.signal.reason).toMatchObject({ code: 'FENCED' });
});

test('of two that take over at once one wins', async () => {
  const old = asleep();
  await acquire('both', 'one', old.store);
  await old.sleep();
  const outcomes = await Promise.allSettled([acquire('both', 'two'), acquire('both', 'three')]);
  expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  expect(outcomes.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'LEASE_HELD' } });
});

test('a renewal whose answer was lost is known again', async () => {
  let lose = false;
  const lossy = new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return async (...args: unknown[]) => {
        const result = (await value.apply(target, args)) as unknown;
        return name === 'replace' && lose ? { replaced: false } : result;
      };
    },
  });
  const lease = await acquire('lossy', 'one', lossy, 60);
  lose = true;
  await lease.renew();
  lose = false;
  await lease.renew();
  expect(lease.signal.aborted).toBe(false);
});

test('a store that does not answer is told of and does not lose the lease', async () => {
  let down = false;
  const failing = new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => (down ? Promise.reject(new Error('down')) : (value.apply(target, args) as unknown));
    },
  });
  const trouble: unknown[] = [];
  const lease = await Lease.acquire(failing, 'down', { holder: 'one', leaseSeconds: 0.15, onTrouble: (error) => trouble.push(error) });
  leases.push(lease);
  down = true;
  for (const deadline = performance.now() + 10_000; trouble.length === 0 && performance.now() < deadline; ) await sleep(10);
  down = false;
  expect(trouble[0]).toMatchObject({ message: 'down' });
  await lease.renew();
  expect(lease.signal.aborted).toBe(false);
});

test('who is told to stop takes none', async () => {
  const signal = AbortSignal.abort(new Error('enough'));
  await expect(Lease.acquire(store, 'none', { holder: 'one', leaseSeconds: 60, signal })).rejects.toThrow('enough');
  expect(await readLease(store, 'none')).toBeUndefined();
});

test('waiting for a lease ends when asked to', async () => {
  const old = asleep();
  await acquire('wait', 'one', old.store);
  await old.sleep();
  const stop = new AbortController();
  const waiting = Lease.acquire(store, 'wait', { holder: 'two', leaseSeconds: 60, signal: stop.signal });
  stop.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
});
