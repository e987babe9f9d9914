import { type Gallery, galleryPage } from '../src/gallery';
import { escapeHtml } from '../src/page';

const gallery: Gallery = {
  title: 'A <gallery>',
  introduction: 'Pictures & captions',
  facts: [{ label: 'Pictures', value: '12' }],
  score: { right: 3, baseline: 1, of: 4 },
  commonestCaption: 'a star',
  stages: [
    { name: 'encode', seconds: 65 },
    { name: 'train', seconds: 3.25 },
  ],
  epochs: [
    { epoch: 1, loss: 3, validationLoss: 2.5 },
    { epoch: 2, loss: 1.5, validationLoss: 1.25 },
  ],
  pictures: [
    { image: Buffer.from('one'), mediaType: 'image/png', made: 'a ring', truth: ['a ring at sea', 'at sea a ring'], right: true },
    { image: Buffer.from('two'), mediaType: 'image/jpeg', made: '<script>alert(1)</script>', truth: ['"a" & \'b\''], right: false },
  ],
};

test('texts cannot become markup', () => {
  const page = galleryPage(gallery);
  expect(page).not.toContain('<script');
  expect(page).toContain(escapeHtml('<script>alert(1)</script>'));
  expect(page).toContain(`alt="${escapeHtml('"a" & \'b\'')}"`);
  expect(page).toContain(`<title>${escapeHtml('A <gallery>')}</title>`);
  expect(escapeHtml(`<a href='x' title="y">&`)).not.toMatch(/[<>"']|&(?!#\d+;)/);
});

test('the page holds its pictures and loads nothing', () => {
  const page = galleryPage(gallery);
  expect(page).toContain(`data:image/png;base64,${Buffer.from('one').toString('base64')}`);
  expect(page).toContain(`data:image/jpeg;base64,${Buffer.from('two').toString('base64')}`);
  expect(page.match(/(?:src|href)="(?!data:)/g)).toBeNull();
  expect(page).not.toMatch(/@import|url\(/);
});

test('right and wrong captions are marked and counted', () => {
  const page = galleryPage(gallery);
  expect(page.match(/<article class="right">/g)).toHaveLength(1);
  expect(page.match(/<article class="wrong">/g)).toHaveLength(1);
  expect(page).toContain('<label for="show-right">Right 1</label>');
  expect(page).toMatch(/75 %<\/strong> <small>3 of 4/);
  expect(page).toMatch(/25 %<\/strong> <small>1 of 4/);
});

test('the loss falls to the right: later epochs are drawn lower', () => {
  const points = /<polyline class="validation" points="([^"]*)"/
    .exec(galleryPage(gallery))?.[1]
    ?.split(' ')
    .map((point) => point.split(',').map(Number));
  expect(points).toHaveLength(2);
  const [[x0, y0], [x1, y1]] = points as [[number, number], [number, number]];
  expect(x1).toBeGreaterThan(x0);
  expect(y1).toBeGreaterThan(y0);
});

test('a training without epochs and a picture without a caption are shown as such', () => {
  const page = galleryPage({ ...gallery, epochs: [], pictures: [{ ...gallery.pictures[0]!, made: '' }] });
  expect(page).toContain('No epoch was finished');
  expect(page).toContain('(nothing)');
});
