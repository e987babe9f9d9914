import { ShowtellError } from '@showtell/shared/errors';
import { describeFailure } from '../src/describe-failure';

test('an error of ours is its code, message and hint, without stack', () => {
  const error = new ShowtellError('NO_SUCH_BUCKET', 'There is no bucket b', { hint: 'Make it.', cause: new Error('404') });
  expect(describeFailure(error)).toEqual({ text: 'NO_SUCH_BUCKET: There is no bucket b\n  Make it.\n', exitCode: 4 });
});

test('what Redis refuses is told as the refusal that it is, without the command', () => {
  const refused = Object.assign(new Error("NOPERM this user has no permissions to run the 'client|list' command"), {
    name: 'ReplyError',
    command: { name: 'client', args: ['LIST'] },
  });
  const { text, exitCode } = describeFailure(refused);
  expect(exitCode).toBe(4);
  expect(text).toMatch(
    /^REDIS_DENIED: Redis at the address in REDIS_URL does not let this user .*client\|list.*\n {2}Use the user of this role/,
  );
});

test('anything else is a bug, with its stack', () => {
  const { text, exitCode } = describeFailure(new TypeError('x is not a function'));
  expect(exitCode).toBe(1);
  expect(text).toMatch(/^BUG: TypeError: x is not a function\n\s+at /);
});

test('passwords in addresses are not shown, whatever the error', () => {
  for (const error of [new ShowtellError('BUG', 'at redis://u:hunter2@host'), new Error('at redis://u:hunter2@host')])
    expect(describeFailure(error).text).not.toContain('hunter2');
});
