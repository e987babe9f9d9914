import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import sharp from 'sharp';
import { renderSvg } from '../../shared/src/image/render-svg';

export type Badness = 'truncated' | 'not-an-image' | 'absent';

export interface FixtureSplit {
  /** As the dataset names it, with its year if it has one: `val2017`. */
  readonly name: string;
  readonly photos: number;
  /** What is wrong with the first photos, in order; the rest are sound. */
  readonly bad?: readonly Badness[];
}

export interface FixtureOptions {
  readonly captionsPerImage?: number;
  /** Last word on an annotations file before it is written. */
  readonly edit?: (annotations: CocoAnnotations, split: string) => unknown;
}

export interface CocoAnnotations {
  info: object;
  images: Record<string, unknown>[];
  annotations: Record<string, unknown>[];
}

export interface CocoFixture {
  readonly folder: string;
  readonly url: string;
  /** Ids of the planned photos of each split (by its stored name), in order. */
  readonly imageIds: Record<string, string[]>;
  /** What preparing rejects. */
  readonly rejected: { readonly imageId: string; readonly code: string }[];
}

const colours = ['red', 'green', 'blue', 'yellow', 'white', 'black', 'orange', 'purple'] as const;

/** Writes a small COCO folder: drawn JPEGs of a coloured disc in `<split>/`, captions in `annotations/`. The same arguments give the same files. */
export async function writeCocoFixture(
  folder: string,
  splits: readonly FixtureSplit[],
  { captionsPerImage = 2, edit = (annotations) => annotations }: FixtureOptions = {},
): Promise<CocoFixture> {
  const fixture: CocoFixture = { folder, url: pathToFileURL(folder).href, imageIds: {}, rejected: [] };
  await mkdir(join(folder, 'annotations'), { recursive: true });
  for (const [place, { name, photos, bad = [] }] of splits.entries()) {
    await mkdir(join(folder, name), { recursive: true });
    const annotations: CocoAnnotations = { info: { description: 'drawn' }, images: [], annotations: [] };
    const planned: string[] = [];
    for (let index = 0; index < photos; index++) {
      const id = (place + 1) * 1000 + index;
      const fileName = `${String(id).padStart(12, '0')}.jpg`;
      const colour = colours[index % colours.length]!;
      annotations.images.push({ id, file_name: fileName, width: 96, height: 64, license: 4, coco_url: `http://example.org/${fileName}` });
      for (let caption = 0; caption < captionsPerImage; caption++)
        annotations.annotations.push({ id: id * 10 + caption, image_id: id, caption: `A ${colour} disc, told ${caption + 1} times.` });
      const badness = bad[index];
      if (badness === 'absent') continue;
      planned.push(String(id));
      if (badness !== undefined)
        fixture.rejected.push({ imageId: String(id), code: badness === 'truncated' ? 'TRUNCATED' : 'UNSUPPORTED_FORMAT' });
      const jpeg = await drawDisc(colour, index);
      const content = { truncated: jpeg.subarray(0, jpeg.length >> 1), 'not-an-image': Buffer.from('<html>Not found</html>') };
      await writeFile(join(folder, name, fileName), badness === undefined ? jpeg : content[badness]);
    }
    fixture.imageIds[name] = planned;
    await writeFile(join(folder, 'annotations', `captions_${name}.json`), JSON.stringify(edit(annotations, name)));
  }
  return fixture;
}

/** A 96 × 64 JPEG of a disc of one colour on grey; `index` moves it, so that no two are alike. */
async function drawDisc(colour: string, index: number): Promise<Buffer> {
  const [x, y] = [20 + ((index * 7) % 56), 16 + ((index * 5) % 32)];
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="96" height="64"><rect width="96" height="64" fill="#888"/><circle cx="${x}" cy="${y}" r="12" fill="${colour}"/></svg>`;
  return sharp(await renderSvg(svg))
    .jpeg()
    .toBuffer();
}
