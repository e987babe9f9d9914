import { ShowtellError } from '../src/errors';
import { describeError } from '../src/logger';

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

test('an error that causes itself ends', () => {
  const error = new Error('round');
  error.cause = error;
  expect(JSON.stringify(describeError(error)).length).toBeLessThan(50_000);
});
