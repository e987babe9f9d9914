import { ShowtellError } from '@showtell/shared/errors';
import pc from 'picocolors';
import { describeFailure } from '../../src/describe-failure';
import { asJson } from '../../src/output/print';
import { printable } from '../../src/output/printable';
import { reportRejected } from '../../src/report-rejected';

const CLIPBOARD = '\u001b]52;c;cm0gLXJmIH4=\u0007';

test('line breaks, tabs, colours and every script stay', () => {
  const text = `${pc.createColors(true).red('one')}\ttwo\nдва שלוש 👩‍👩‍👧`;
  expect(printable(text)).toBe(text);
});

test.each([
  ['writes to the clipboard', `a dog${CLIPBOARD}`, 'a dog\\u001b]52;c;cm0gLXJmIH4=\\u0007'],
  ['moves the cursor', 'a\u001b[1A\u001b[2K', 'a\\u001b[1A\\u001b[2K'],
  ['asks the terminal', '\u001b[6n\u009b6n', '\\u001b[6n\\u009b6n'],
  ['overwrites its line', 'good\rbad\b', 'good\\u000dbad\\u0008'],
  ['is no colour to its end', '\u001b[31', '\\u001b[31'],
])('what %s is shown as what it is', (_what, text, shown) => {
  expect(printable(text)).toBe(shown);
});

test('errors and rejections show no control characters of a name', () => {
  expect(describeFailure(new ShowtellError('NOT_FOUND', `no image ${CLIPBOARD}`)).text).not.toContain('\u001b]');
  expect(describeFailure(new Error(CLIPBOARD)).text).not.toContain('\u001b]');
  const write = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
  try {
    reportRejected(`x${CLIPBOARD}.jpg`, new ShowtellError('TRUNCATED', 'ends early'));
    expect(write.mock.calls.join('')).not.toContain('\u001b]');
  } finally {
    write.mockRestore();
  }
});

test('a JSON answer says the same, and is JSON still', () => {
  const answer = { caption: `a dog${CLIPBOARD}\u009b6n` };
  const text = printable(asJson(answer));
  expect(['\u001b', '\u009b'].filter((control) => text.includes(control))).toEqual([]);
  expect(JSON.parse(text)).toEqual(answer);
});
