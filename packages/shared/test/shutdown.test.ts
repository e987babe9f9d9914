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

test('listens for signals only until it has run', async () => {
  const before = process.listenerCount('SIGTERM');
  const shutdown = new Shutdown().handleSignals();
  expect(process.listenerCount('SIGTERM')).toBe(before + 1);
  process.emit('SIGTERM');
  expect(shutdown.signal.aborted).toBe(true);
  await shutdown.run();
  expect(process.listenerCount('SIGTERM')).toBe(before);
});
