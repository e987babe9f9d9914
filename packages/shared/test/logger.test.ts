import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { ShowtellError } from '../src/errors';
import { createLogger, describeError, harmless } from '../src/logger';
import { describeOnSmallDisk } from './small-disk';

test('an error is described by code, message, hint and causes, and nothing else of it', () => {
  const cause = Object.assign(new Error('WRONGPASS'), { command: { name: 'auth', args: ['hunter2'] } });
  const described = JSON.stringify(describeError(new ShowtellError('REDIS_DENIED', 'refused', { hint: 'check it', cause })));
  expect(JSON.parse(described)).toMatchObject({
    type: 'ShowtellError',
    code: 'REDIS_DENIED',
    message: 'refused',
    hint: 'check it',
    cause: { message: 'WRONGPASS' },
  });
  expect(described).not.toContain('hunter2');
});

test('what a terminal is shown has no control characters of others in it, and is the same text else', () => {
  const text = 'a\u001b]52;c;aGk=\u0007b\rc\bd\u009b31me\u007ff\n\tg "h" \\u001b i\\';
  const line = JSON.stringify({ msg: text, err: { stack: text } });
  const shown = 'a\\u001b]52;c;aGk=\\u0007b\\rc\\bd\\u009b31me\\u007ff\n\tg "h" \\u001b i\\';
  expect(JSON.parse(harmless(line))).toEqual({ msg: shown, err: { stack: shown } });
});

test('an error that causes itself ends', () => {
  const error = new Error('round');
  error.cause = error;
  expect(JSON.stringify(describeError(error)).length).toBeLessThan(50_000);
});

describeOnSmallDisk('a log on a full disk', 256 * 1024, (disk) => {
  test('stops nobody: lines wait until there is room, and those that are lost are counted', () => {
    const [path, filler] = [join(disk, 'log'), join(disk, 'filler')];
    const fd = openSync(path, 'a');
    try {
      const logger = createLogger('full', { logLevel: 'info' }, fd);
      logger.info('before');
      const other = openSync(filler, 'w');
      expect(() => {
        for (;;) writeSync(other, Buffer.alloc(4_096));
      }).toThrow(expect.objectContaining({ code: 'ENOSPC' }));
      closeSync(other);
      const LINES = 200;
      for (let line = 0; line < LINES; line++) logger.info({ line, text: 'x'.repeat(1_000) }, 'full');
      rmSync(filler);
      logger.info('after');
      const messages = readFileSync(path, 'utf8')
        .split('\n')
        .flatMap((text) => (text === '' ? [] : [JSON.parse(text) as { msg: string; lines?: number }]));
      const written = messages.filter(({ msg }) => msg === 'full').length;
      const lost = messages.find(({ lines }) => lines !== undefined)!.lines!;
      expect([messages[0]!.msg, written + lost, written > 10, lost > 10]).toEqual(['before', LINES, true, true]);
      expect(messages.map(({ msg }) => msg)).toContain('after');
    } finally {
      closeSync(fd);
    }
  });
});
