import { formatTable } from '../../src/output/table';

// eslint-disable-next-line no-control-regex
const plain = (text: string) => text.replace(/\u001b\[\d+m/g, '');

test('columns are aligned, numbers to the right, without spaces at the ends of lines', () => {
  const text = plain(
    formatTable(
      ['name', 'count', 'note'],
      [
        ['a', 5, 'x'],
        ['longer', 12_345, ''],
      ],
    ),
  );
  expect(text).toBe(['NAME      COUNT   NOTE', 'a             5   x', 'longer   12,345', ''].join('\n'));
});

test('a table without rows has its heads', () => {
  expect(plain(formatTable(['one', 'two'], []))).toBe('ONE   TWO\n');
});
