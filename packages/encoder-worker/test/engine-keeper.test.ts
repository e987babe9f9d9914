import { EngineKeeper, type KeptEngine } from '../src/engine-keeper';
import { fakeDescription } from './fake-engine';

const { signal } = new AbortController();
const MEMORY = 1_000;

/** Engines whose memory after each job is what `rss` says; `events` has what becomes of them. */
function keeper(rss: (engine: number) => number) {
  const events: string[] = [];
  let started = 0;
  const of = new EngineKeeper(
    async () => {
      const number = ++started;
      events.push(`start ${number}`);
      const engine: KeptEngine = {
        description: fakeDescription('fake'),
        side: 1,
        dimension: 1,
        get rss() {
          return rss(number);
        },
        encode: async () => new Float32Array(1),
        close: async () => void events.push(`close ${number}`),
      };
      return engine;
    },
    { memory: MEMORY, onRecycle: (bytes) => events.push(`recycle at ${bytes}`) },
  );
  const job = () => of.inTurn(signal, async () => void (await of.get('weights', signal)));
  return { of, events, job };
}

test('an engine that grew past the limit is ended between two jobs, and the next one has another', async () => {
  let memory = 0;
  const { events, job } = keeper((engine) => (engine === 1 ? memory : 400));
  for (memory of [400, 900, 1_100, 400]) await job();
  expect(events).toEqual(['start 1', 'recycle at 1100', 'close 1', 'start 2']);
});

test('an engine that simply is that large is kept: another would be no smaller', async () => {
  const { events, job } = keeper(() => 1_400);
  for (let time = 0; time < 5; time++) await job();
  expect(events).toEqual(['start 1']);
});

test('one that began that large and grew is ended', async () => {
  let memory = 0;
  const { events, job } = keeper(() => memory);
  for (memory of [1_400, 2_000, 2_200]) await job();
  expect(events).toEqual(['start 1', 'recycle at 2200', 'close 1']);
});

test('memory that is not known, and a limit of 0, end nothing', async () => {
  const unknown = keeper(() => 0);
  for (let time = 0; time < 3; time++) await unknown.job();
  expect(unknown.events).toEqual(['start 1']);
});

describe('turns', () => {
  const { of } = keeper(() => 0);
  /** Work that ends when it is told to. */
  const work = (name: string, log: string[], stop = signal) => {
    let end = () => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const done = of.inTurn(stop, async () => {
      log.push(`${name} begins`);
      await ended;
      log.push(`${name} ends`);
    });
    return { done, end };
  };

  test('nobody has the engine while another has, and whoever came first is first', async () => {
    const log: string[] = [];
    const [a, b, c] = ['a', 'b', 'c'].map((name) => work(name, log));
    c!.end();
    b!.end();
    await new Promise((resolve) => setImmediate(resolve));
    expect(log).toEqual(['a begins']);
    a!.end();
    await Promise.all([a!.done, b!.done, c!.done]);
    expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
  });

  test('who is aborted while waiting leaves, and those behind still wait for who is before', async () => {
    const log: string[] = [];
    const stop = new AbortController();
    const [a, b, c] = [work('a', log), work('b', log, stop.signal), work('c', log)];
    c.end();
    stop.abort(new Error('enough'));
    await expect(b.done).rejects.toThrow('enough');
    await new Promise((resolve) => setImmediate(resolve));
    expect(log).toEqual(['a begins']);
    a.end();
    await Promise.all([a.done, c.done]);
    expect(log).toEqual(['a begins', 'a ends', 'c begins', 'c ends']);
  });

  test('work that fails gives the turn on', async () => {
    await expect(of.inTurn(signal, () => Promise.reject(new Error('died')))).rejects.toThrow('died');
    expect(await of.inTurn(signal, async () => 'next')).toBe('next');
  });
});
