import { withTable } from '../src/pages';

describe('a page', () => {
  const page = 'before\n<!-- bench:encode -->\nold\n<!-- /bench:encode -->\nafter\n';

  test('has the table between its markers, however often it is written', () => {
    const once = withTable(page, 'encode', 'new')!;
    expect(once).toBe('before\n<!-- bench:encode -->\n\nnew\n\n<!-- /bench:encode -->\nafter\n');
    expect(withTable(once, 'encode', 'new')).toBe(once);
  });

  test('without the markers is left alone', () => {
    expect(withTable(page, 'gpu', 'new')).toBeUndefined();
    expect(withTable('<!-- bench:encode --> and no end', 'encode', 'new')).toBeUndefined();
  });
});
