import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { writeZipFile } from '../../../bench/src/zip-writer';
import { describeFault } from './fault';

const IMAGES = 40_000;
/** Of the program itself, in MiB. */
const PROGRAM_MEGABYTES = 64;

const name = (index: number) => `train2017/${String(index).padStart(12, '0')}.jpg`;

function writeAnnotations(path: string): void {
  const file = openSync(path, 'w');
  const write = (list: string, count: number, record: (index: number) => object) => {
    for (let index = 0; index < count; index++)
      writeSync(file, `${index === 0 ? `"${list}": [` : ','}${JSON.stringify(record(index))}${index === count - 1 ? ']' : ''}`);
  };
  writeSync(file, '{');
  // Most of such a file is not of interest.
  write('images', IMAGES, (index) => ({
    id: index,
    file_name: name(index).slice('train2017/'.length),
    more: { box: [index, 2, 3, 4], text: 'x'.repeat(500) },
  }));
  writeSync(file, ',');
  write('annotations', IMAGES * 2, (index) => ({
    id: index,
    image_id: index >> 1,
    caption: `What picture ${index >> 1} shows, told ${index % 2}.`,
  }));
  writeSync(file, '}');
  closeSync(file);
}

function* photos() {
  const body = Buffer.from('no photo');
  for (let index = 0; index < IMAGES; index++) yield { name: name(index), body };
}

describeFault(33, 'annotations of many images', {}, (place) => {
  test('are planned with no more than 1 kB of memory an image', async () => {
    const rig = await place.rig();
    const folder = join(rig.folder, 'large');
    mkdirSync(join(folder, 'annotations'), { recursive: true });
    writeAnnotations(join(folder, 'annotations', 'captions_train2017.json'));
    await writeZipFile(join(folder, 'train2017.zip'), photos());
    const heap = PROGRAM_MEGABYTES + Math.ceil((IMAGES * 1_000) / 2 ** 20);
    const program = place.showtell(rig, ['enqueue', folder, '--weights', rig.weightsFile, '--dry-run'], {
      env: { NODE_OPTIONS: `--max-old-space-size=${heap}` },
    });
    expect([(await program.exit).code, program.said()]).toEqual([0, expect.stringMatching(/train +40,000 +80,000/)]);
  }, 120_000);
});
