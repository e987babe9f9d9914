import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { findPhotos } from '../../src/source/find-photos';
import { Findings } from '../../src/source/findings';
import { PhotoTable } from '../../src/source/photo-table';

test('keys that would lead elsewhere where addresses are resolved are no photos, though S3 may have them', async () => {
  const keys = ['val2017/../x.jpg', 'val2017/./y.jpg', 'val2017/z..jpg'];
  const photos = new PhotoTable(new Findings());
  for (const path of keys) photos.image({ imageId: path, split: 'val', path, fileName: path }, () => 'a record');
  const store = {
    async *list() {
      for (const key of keys) yield { key, etag: '"e"', bytes: 1, lastModified: new Date() };
    },
  } as Partial<ObjectStore> as ObjectStore;
  const { found } = await findPhotos(store, photos, { under: '', folders: [''] });
  expect([...found].map(({ path }) => path)).toEqual(['val2017/z..jpg']);
});
