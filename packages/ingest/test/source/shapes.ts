import { zipFile } from '../../../../bench/src/zip-writer';
import type { FixturePhoto, SourceShape } from './contract';

const photosIn = (folder: (photo: FixturePhoto) => string, photos: readonly FixturePhoto[]) =>
  Object.fromEntries(photos.flatMap((photo) => (photo.content === undefined ? [] : [[`${folder(photo)}${photo.name}`, photo.content]])));

const rows = (photos: readonly FixturePhoto[], cells: (photo: FixturePhoto, caption: string) => readonly string[]) =>
  photos.flatMap((photo) => photo.captions.map((caption) => cells(photo, caption)));

const quoted = (cell: string) => `"${cell.replaceAll('"', '""')}"`;

export const COCO: SourceShape = {
  name: 'coco',
  kind: 'coco',
  files: (photos) => ({
    ...photosIn(({ split }) => `${split}2017/`, photos),
    ...Object.fromEntries(
      [...new Set(photos.map(({ split }) => split))].map((split) => {
        const images = photos.filter((photo) => photo.split === split);
        return [
          `annotations/captions_${split}2017.json`,
          JSON.stringify({
            images: images.map(({ id, name }) => ({ id: Number(id), file_name: name })),
            annotations: images.flatMap(({ id, captions }) =>
              captions.map((caption, index) => ({ id: Number(id) * 10 + index, image_id: Number(id), caption })),
            ),
          }),
        ];
      }),
    ),
  }),
};

/** COCO's objects in archives: one of all annotations, one of each folder of photos. */
export const COCO_ZIP: SourceShape = {
  name: 'coco-zip',
  kind: 'coco-zip',
  file: 'annotations_trainval2017.zip',
  archived: true,
  files: (photos) => {
    const archives = new Map<string, { name: string; body: Buffer }[]>();
    for (const [key, body] of Object.entries(COCO.files(photos))) {
      const folder = key.slice(0, key.indexOf('/'));
      const archive = folder === 'annotations' ? 'annotations_trainval2017.zip' : `${folder}.zip`;
      archives.set(archive, [...(archives.get(archive) ?? []), { name: key, body: Buffer.from(body) }]);
    }
    return Object.fromEntries(Array.from(archives, ([name, members]) => [name, zipFile(members)]));
  },
};

export const CSV: SourceShape = {
  name: 'captions.csv, photos in images/',
  kind: 'captions',
  file: 'captions.csv',
  files: (photos) => ({
    ...photosIn(() => 'images/', photos),
    'captions.csv': [
      ['image', 'split', 'caption', 'image_id'],
      ...rows(photos, ({ id, name, split }, caption) => [name, split, quoted(caption), id]),
    ]
      .map((row) => `${row.join(',')}\r\n`)
      .join(''),
  }),
};

export const TSV: SourceShape = {
  name: 'captions.tsv with a byte order mark, splits by folders',
  kind: 'captions',
  file: 'captions.tsv',
  files: (photos) => ({
    ...photosIn(({ split }) => `${split}/`, photos),
    'captions.tsv': `\ufeffID\tFile Name\tText\n${rows(photos, ({ id, name, split }, caption) => [
      id,
      `./${split}/${name}`,
      quoted(caption),
    ])
      .map((row) => row.join('\t'))
      .join('\n')}`,
  }),
};

export const JSON_LINES: SourceShape = {
  name: 'metadata.jsonl of ImageFolder, lists of captions',
  kind: 'captions',
  file: 'metadata.jsonl',
  files: (photos) => ({
    ...photosIn(({ split }) => `${split}/`, photos),
    'metadata.jsonl': photos
      .map(
        ({ id, name, split, captions }) =>
          `${JSON.stringify({ file_name: `${split}/${name}`, image_id: Number(id), captions, more: [{}] })}\n`,
      )
      .join(''),
  }),
};

export const SPLIT_FOLDERS: SourceShape = {
  name: 'metadata.csv in the folder of each split',
  kind: 'captions',
  files: (photos) => ({
    ...photosIn(({ split }) => `${split}/`, photos),
    ...Object.fromEntries(
      [...new Set(photos.map(({ split }) => split))].map((split) => {
        const ofSplit = photos.filter((photo) => photo.split === split);
        const lines = rows(ofSplit, ({ id, name }, caption) => [name, id, quoted(caption)]).map((row) => row.join(','));
        return [`${split}/metadata.csv`, ['file_name,image_id,text', ...lines, ''].join('\n')];
      }),
    ),
  }),
};

export const KARPATHY: SourceShape = {
  name: 'dataset_coco.json of Karpathy, photos in folders',
  kind: 'karpathy',
  file: 'dataset_coco.json',
  files: (photos) => ({
    ...photosIn(({ split }) => `${split}2014/`, photos),
    'dataset_coco.json': karpathyJson(photos, ({ id, split }) => ({
      filepath: `${split}2014`,
      cocoid: Number(id),
      imgid: 100_000 - Number(id),
    })),
  }),
};

export const KARPATHY_FLICKR: SourceShape = {
  name: 'dataset_flickr8k.json of Karpathy, photos in Images/',
  kind: 'karpathy',
  file: 'dataset_flickr8k.json',
  files: (photos) => ({
    ...photosIn(() => 'Images/', photos),
    'dataset_flickr8k.json': karpathyJson(photos, ({ id }) => ({ imgid: Number(id) })),
  }),
};

function karpathyJson(photos: readonly FixturePhoto[], more: (photo: FixturePhoto) => object): string {
  let sentid = 0;
  const images = photos.map((photo) => ({
    sentids: [],
    filename: photo.name,
    split: photo.split,
    ...more(photo),
    sentences: photo.captions.map((raw) => ({ tokens: raw.split(' '), raw, sentid: sentid++ })),
  }));
  return JSON.stringify({ dataset: 'drawn', images, more: { images: [] } });
}
