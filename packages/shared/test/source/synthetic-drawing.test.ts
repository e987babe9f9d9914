import sharp from 'sharp';
import { allowDrawing } from '../../src/image/libvips';
import { renderSvg } from '../../src/image/render-svg';
import { drawPicture } from '../../src/source/synthetic-drawing';
import { RELATIONS, type Scene, SHAPE_NAMES } from '../../src/source/synthetic-scene';
import { HEIGHT, WIDTH } from '../../src/source/synthetic-sceneries';

beforeAll(allowDrawing);

const scene: Scene = { subject: 'star', relation: 'above', object: 'house', scenery: 'night' };

/** Where the shapes are, in pixels, when they are drawn without scenery. */
async function boundsOfShapes(key: string, shown: Scene) {
  const svg = drawPicture({ key, scene: shown });
  const shapes = svg.slice(svg.indexOf('<g class="shape"'), svg.lastIndexOf('</svg>'));
  const alone = `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}">${shapes}</svg>`;
  const { info } = await sharp(Buffer.from(alone)).trim({ background: '#0000', threshold: 0 }).raw().toBuffer({ resolveWithObject: true });
  const [left, top] = [-info.trimOffsetLeft!, -info.trimOffsetTop!];
  return { left, top, right: left + info.width, bottom: top + info.height };
}

test('the picture is wider than high, opaque, and shapes lie wholly within its middle square', async () => {
  const metadata = await sharp(await renderSvg(drawPicture({ key: 'a', scene }))).metadata();
  expect(metadata).toMatchObject({ format: 'png', width: 400, height: 320, hasAlpha: false });
  for (const [place, subject] of SHAPE_NAMES.entries()) {
    const object = SHAPE_NAMES[(place + 1) % SHAPE_NAMES.length]!;
    for (const relation of RELATIONS) {
      for (let variant = 0; variant < 3; variant++) {
        const bounds = await boundsOfShapes(`${variant}`, { subject, relation, object, scenery: 'sea' });
        expect(bounds.left).toBeGreaterThan(40);
        expect(bounds.right).toBeLessThan(360);
        expect(bounds.top).toBeGreaterThan(0);
        expect(bounds.bottom).toBeLessThan(HEIGHT);
      }
    }
  }
});

test('the same key gives the same picture, another key of the same scene another one', () => {
  expect(drawPicture({ key: 'a', scene })).toBe(drawPicture({ key: 'a', scene }));
  expect(drawPicture({ key: 'a', scene })).not.toBe(drawPicture({ key: 'b', scene }));
});

test('what is above is drawn higher, and beside lies left as well as right', () => {
  const places = (key: string, relation: Scene['relation']) =>
    [...drawPicture({ key, scene: { ...scene, relation } }).matchAll(/class="shape" transform="translate\(([\d.]+),([\d.]+)\)/g)].map(
      ([, x, y]) => ({ x: Number(x), y: Number(y) }),
    );
  const sides = new Set<boolean>();
  for (let key = 0; key < 20; key++) {
    const [subject, object] = places(`${key}`, 'above');
    expect(subject!.y).toBeLessThan(object!.y - 100);
    const [first, second] = places(`${key}`, 'beside');
    expect(Math.abs(first!.x - second!.x)).toBeGreaterThan(100);
    sides.add(first!.x < second!.x);
  }
  expect(sides.size).toBe(2);
});
