import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDataset } from '@showtell/ingest/source/open';
import { captionsOf } from '@showtell/shared/source/synthetic-captions';
import { sceneOf } from '@showtell/shared/source/synthetic-scene';
import { type DemoResult, writeGallery } from '../../src/demo/report';
import { scoreCaptions } from '../../src/demo/score';
import { Stages } from '../../src/demo/stages';

const folder = mkdtempSync(join(tmpdir(), 'showtell-gallery-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('the gallery shows every test picture, and counts the same ones above and below', async () => {
  const { splits } = await (await openDataset('synthetic:1000')).scan({ splits: ['test'], strict: false });
  const ids = splits[0]!.samples.map(({ imageId }) => imageId);
  const captioned = scoreCaptions(
    ids.map((imageId, index) => ({ imageId, caption: index < 3 ? 'a cat' : captionsOf({ key: imageId, scene: sceneOf(imageId) })[0]! })),
  );
  const page = readFileSync(
    await writeGallery(folder, {
      stages: new Stages(),
      encoded: { samples: { planned: 1_000 }, shards: { committed: 20 } } as DemoResult['encoded'],
      trained: { epochs: [], vocabulary: 38, steps: 10 },
      captioned,
    }),
    'utf8',
  );
  const all = ids.length;
  expect(all).toBeGreaterThan(100);
  expect(page.match(/<article /g)).toHaveLength(all);
  expect(page).toContain(`<small>${all - 3} of ${all}</small>`);
  expect(page).toMatch(new RegExp(`All ${all}</label>[^]*Right ${all - 3}</label>[^]*Wrong 3</label>`));
  expect(page.length).toBeLessThan(10_000 * all);
});
