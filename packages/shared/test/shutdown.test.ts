import pino from 'pino';
import { Shutdown } from '../src/shutdown';

const lines: string[] = [];
const logger = pino({ level: 'error' }, { write: (line: string) => void lines.push(line) });

test('undoes the last opened first, one after the other, once', async () => {
  const undone: string[] = [];
  const shutdown = new Shutdown();
  shutdown.defer('first', () => undone.push('first'));
  shutdown.defer('second', async () => {
    await new Promise((resolve) => setTimeout(resolve, 10));
    undone.push('second');
  });
  await Promise.all([shutdown.run(), shutdown.run()]);
  await shutdown.run();
  expect(undone).toEqual(['second', 'first']);
});

test('a step that fails is logged and does not keep the others from running', async () => {
  const undone: string[] = [];
  const shutdown = new Shutdown(logger);
  shutdown.defer('first', () => undone.push('first'));
  shutdown.defer('broken', () => Promise.reject(new Error('on purpose')));
  await shutdown.run();
  expect(undone).toEqual(['first']);
  expect(lines.join('')).toMatch(/on purpose[\s\S]*broken/);
});

test('the signal aborts when asked, before anything is undone', async () => {
  const shutdown = new Shutdown();
  let abortedFirst = false;
  shutdown.defer('step', () => (abortedFirst = shutdown.signal.aborted));
  shutdown.request('enough');
  expect(shutdown.signal.reason).toMatchObject({ code: 'INTERRUPTED', message: 'enough' });
  await shutdown.run();
  expect(abortedFirst).toBe(true);
});

test('what is opened too late is undone at once', async () => {
  const shutdown = new Shutdown();
  await shutdown.run();
  const undo = jest.fn();
  shutdown.defer('late', undo);
  expect(undo).toHaveBeenCalledTimes(1);
});

describe('a program that handles signals', () => {
  let exit: jest.SpyInstance;
  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate', 'clearImmediate'] });
    exit = jest.spyOn(process, 'exit').mockReturnValue(undefined as never);
  });
  afterEach(() => {
    exit.mockRestore();
    jest.useRealTimers();
  });

  test('listens only until it has run, and ends soon after although something keeps it alive', async () => {
    const before = process.listenerCount('SIGTERM');
    const shutdown = new Shutdown().handleSignals();
    expect(process.listenerCount('SIGTERM')).toBe(before + 1);
    process.emit('SIGTERM');
    expect(shutdown.signal.aborted).toBe(true);
    await shutdown.run();
    expect(process.listenerCount('SIGTERM')).toBe(before);
    expect(exit).not.toHaveBeenCalled();
    jest.runAllTimers();
    expect(exit.mock.calls).toEqual([[]]);
  });

  test('is ended at once by a second signal, and by none when it ends by itself', async () => {
    const stopped = new Shutdown().handleSignals();
    process.emit('SIGINT');
    process.emit('SIGINT');
    expect(exit.mock.calls).toEqual([[130]]);
    await stopped.run();
    jest.clearAllTimers();
    await new Shutdown().handleSignals().run();
    jest.runAllTimers();
    expect(exit).toHaveBeenCalledTimes(1);
  });
});
