import { type BadInput, rowsOf } from './bad-input';

const { wrong, damaged } = rowsOf('deployer');
const encode = (photos: string) => `encode ${photos} --weights narrow.safetensors`;

export const DEPLOYER: readonly BadInput[] = [
  wrong('nowhere to pull to', 'pull f8'),
  wrong('a folder that is not empty', 'pull f8 --out coco'),
  wrong('a folder below a file', 'pull f8 --out note.txt/captioner'),
  wrong('a training that there is not', 'pull f9 --out pulled'),
  wrong('an alias that there is not', 'pull f8@production --out pulled'),
  wrong('a step that there is not', 'pull f8:99 --out pulled'),
  wrong('a name that is none', 'pull f8@best@latest --out pulled'),
  wrong('an optimizer for other programs', 'pull f8 --out pulled --format onnx --with-optimizer'),
  damaged('alias-elsewhere', 'an alias that leads out of its training', 'pull f8 --out pulled'),
  damaged('checkpoint-gone', 'a checkpoint that is gone', 'pull f8 --out pulled'),
  damaged('encoder-gone', "the encoder's weights are gone", 'pull f8 --out pulled'),

  wrong('no model', 'caption grey.png'),
  wrong('a model that there is not', 'caption grey.png --model f9'),
  wrong('a folder that is not there', 'caption grey.png --model ./captoiner'),
  wrong('a folder that nobody pulled', 'caption grey.png --model ./coco'),
  wrong('a model that was changed', 'caption grey.png --model captioner-changed'),
  wrong('a model without its words', 'caption grey.png --model captioner-without-words'),
  wrong('a model whose record is cut short', 'caption grey.png --model captioner-torn'),
  wrong('a model of another version', 'caption grey.png --model captioner-newer'),
  wrong('several captions of a narrow search', 'caption grey.png --model captioner --n-best 3'),
  wrong('a temperature of nothing', 'caption grey.png --model captioner --samples 2 --temperature 0'),
  wrong('samples of a search', 'caption grey.png --model captioner --samples 2 --beam 3'),
  wrong('a photo that is not there', 'caption absent.jpg --model captioner'),

  wrong('a web page, and an empty file', encode('page.jpg empty.jpg')),
  wrong('half a photo', encode('half.png')),
  wrong('a photo of 900 million pixels in 110 kB', encode('bomb.png')),
  wrong('a folder', encode('album.jpg')),
  wrong('a web address', encode('https://example.com/meadow.jpg')),
  wrong('a file without end', encode('/dev/zero')),
  wrong('features over a file that is there', `${encode('grey.png')} --out note.txt`),
  wrong('the encoder of no run', 'encode grey.png --run drwan'),
  wrong('int8 without photos to calibrate it on', `${encode('grey.png')} --precision int8`),
  wrong('threads that no machine has', `${encode('grey.png')} --threads 100000`),
];
