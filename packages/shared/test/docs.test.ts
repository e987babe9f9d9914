import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const docs = join(__dirname, '..', '..', '..', 'docs');

test('the pages made from the code are current (npm run docs)', () => {
  const { pages } = require(join(docs, 'make.js')) as { pages: () => Record<string, string> };
  for (const [name, text] of Object.entries(pages())) expect(readFileSync(join(docs, name), 'utf8')).toBe(text);
});
