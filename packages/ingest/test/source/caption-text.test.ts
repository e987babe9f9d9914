import { checkCaption, MAX_CAPTION_LENGTH } from '../../src/source/caption-text';

test.each(['A dog.', ' two  spaces and\na line ', '🐻 im Wald', 'كلب في الحديقة', '\u200f', 'x'.repeat(MAX_CAPTION_LENGTH)])(
  '%j is kept as it is',
  (text) => {
    expect(checkCaption(text)).toEqual({ text });
  },
);

test('both forms of é become the composed one', () => {
  expect(checkCaption('cafe\u0301')).toEqual({ text: 'caf\u00e9' });
});

test.each([
  ['', 'none'],
  [' \n\t\u00a0', 'none'],
  ['a\0b', 'NUL'],
  ['half \ud83d a bear', 'surrogate'],
  ['\udc3b', 'surrogate'],
  ['x'.repeat(MAX_CAPTION_LENGTH + 1), `${MAX_CAPTION_LENGTH + 1}`],
])('%j is refused', (caption, problem) => {
  expect(checkCaption(caption)).toEqual({ problem: expect.stringContaining(problem) });
});
