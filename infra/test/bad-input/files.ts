import { GREY_PICTURE as GREY } from '@showtell/cli/grey-picture';
import { blackPng } from '../../../packages/shared/test/image/png';

const image = { id: 1, file_name: '1.png' };
const caption = { id: 1, image_id: 1, caption: 'A grey dot.' };
const coco = (images: unknown, annotations: unknown) => JSON.stringify({ images, annotations });

/** A COCO folder with one photo. */
const dataset = (name: string, annotations: string) => ({
  [`${name}/annotations/captions_train.json`]: annotations,
  [`${name}/train/1.png`]: GREY,
});
/** Photos beside one captions file. */
const captioned = (name: string, file: string, body: string | Buffer) => ({ [`${name}/${file}`]: body, [`${name}/1.png`]: GREY });

/** Files of the working folder, by their paths: datasets, settings, weights, photos, captions, sound and not. */
export const FILES: Readonly<Record<string, string | Buffer>> = {
  'grey.png': GREY,
  'page.jpg': '<html></html>',
  'empty.jpg': '',
  'half.png': GREY.subarray(0, 50),
  'bomb.png': blackPng(30_000),
  'note.txt': 'not weights',
  'page.html': '<html></html>',
  ...dataset('coco', coco([image], [caption])),
  ...dataset('torn', '{"images": [{"id": 1, "file_name": "1.p'),
  ...dataset('page', '<html></html>'),
  ...dataset('shapeless', '{"dataset": []}'),
  ...dataset('without-id', coco([{ file_name: '1.png' }], [])),
  ...dataset('number', coco([image], [{ ...caption, caption: 5 }])),
  ...dataset('twice', coco([image, { id: 1, file_name: '2.png' }], [caption])),
  ...dataset('climbing', coco([{ id: 1, file_name: '../../secret.png' }], [caption])),
  ...dataset('gap', coco([image], [caption, { id: 2, image_id: 9, caption: 'Of nothing.' }])),
  ...dataset('silent', coco([image], [])),
  'captions-only/annotations/captions_train.json': coco([image], [caption]),
  ...captioned('columns', 'captions.csv', 'photo;words\n1.png;A dot.\n'),
  ...captioned('quote', 'captions.csv', 'image,caption\n1.png,"A dot\n'),
  ...captioned('utf16', 'captions.csv', Buffer.from('\ufeffimage,caption\n1.png,A dot.\n', 'utf16le')),
  ...captioned('line', 'metadata.jsonl', '{"file_name": "1.png", "text": "A dot."}\n{"file_name":\n'),
  ...captioned('absolute', 'captions.csv', 'image,caption\n/etc/passwd,A file.\n'),
  ...captioned('nul', 'captions.csv', 'image,caption\n1.png,A\0dot.\n'),
  ...captioned('karpathy', 'dataset_k.json', '{"images": {}}'),
  ...captioned('both', 'captions.csv', 'image,caption\n1.png,A dot.\n'),
  ...dataset('both', coco([image], [caption])),
  'settings/torn.json': '{"redis": redis://:hunter2@host',
  'settings/list.json': '[]',
  'settings/unknown.json': '{"stroe": "file:///x"}',
  'settings/wrong.json': '{"lockSeconds": "soon", "allowUnsafeRedis": "maybe", "redis": "http://ada:hunter2@host"}',
  'wrong.onnx': 'no model',
  'wrong.json': JSON.stringify({ name: 'x', input: { name: 'image', side: 3 }, output: { name: 'out', pooling: 'max', dimension: 5 } }),
  'made.json': JSON.stringify([{ image_id: 1, caption: 'a dot' }]),
  'made-twice.json': JSON.stringify([1, 1].map((image_id) => ({ image_id, caption: 'a dot' }))),
  'made-of-others.json': JSON.stringify([{ image_id: 7, caption: 'a dot' }]),
  'said.json': coco([image], [caption]),
};
