import { ShowtellError } from '@showtell/shared/errors';
import { scanCoco } from './coco';
import { ANNOTATION_ARCHIVE, cocoArchives } from './coco-archives';
import { ANNOTATIONS } from './coco-splits';
import { unpackedCoco } from './coco-unpacked';
import type { Recognised, SourceKind } from './source-kind';
import { storedDataset } from './stored-dataset';

/** COCO's own zip archives, left as they are. Photos that were unpacked, while their captions were not, are taken where they lie. */
export const cocoZip: SourceKind = {
  kind: 'coco-zip',
  looks: "COCO's own zips, unopened: annotations_*.zip and <split>.zip",
  prefixes: ['annotations'],
  folders: ['annotations', 'zips'],
  // Who has unpacked the captions may have kept their archive.
  recognise: (keys) =>
    keys.some((key) => ANNOTATIONS.test(key))
      ? []
      : keys
          .filter((key) => ANNOTATION_ARCHIVE.test(key))
          .slice(0, 1)
          .map((name) => ({ name })),
  named,
  open: (address) =>
    storedDataset(address, (store, _address, options) => {
      const archives = cocoArchives(store);
      return scanCoco({ captions: archives, photos: [archives, unpackedCoco(store)] }, options);
    }),
};

function named(file: string): Recognised | undefined {
  if (ANNOTATION_ARCHIVE.test(file)) return { name: file };
  const split = /^((?:train|val|test|unlabeled)\d{4})\.zip$/.exec(file)?.[1];
  if (split === undefined) return undefined;
  throw new ShowtellError('USAGE', `Expected the folder of COCO's zip archives but received ${file}, the photos of one split`, {
    hint: `Name the folder that holds it and annotations_trainval2017.zip, with --split ${split} for this split alone.`,
  });
}
