import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { writeCocoFixture } from '../../../packages/ingest/test/coco-fixture';
import { checkInvariants } from '../invariants';
import { describeFault } from './fault';

describeFault(78, 'addresses in a dataset', {}, (place) => {
  test('are asked by nobody, also where the photo itself is not there', async () => {
    const asked: (string | undefined)[] = [];
    const server = createServer(({ url }, response) => {
      asked.push(url);
      response.end();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const at = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      const rig = await place.rig();
      const folder = join(rig.folder, 'photos');
      await writeCocoFixture(folder, [{ name: 'train2017', photos: 8, bad: ['absent'] }], {
        edit(annotations) {
          for (const [index, image] of annotations.images.entries())
            Object.assign(image, { coco_url: `${at}/coco/${index}.jpg`, flickr_url: `${at}/flickr/${index}.jpg` });
          annotations.images[1]!['file_name'] = `${at}/name.jpg`;
          return annotations;
        },
      });
      const { run } = await rig.enqueue({ dataset: folder });
      await rig.drain();
      const { features, rejected } = await checkInvariants(rig.store, run);
      expect(features.size).toBe(6);
      expect([...rejected.values()].filter((code) => code !== 'MISSING_IMAGE')).toEqual([]);
      expect(asked).toEqual([]);
      await fetch(at);
      expect(asked).toEqual(['/']);
    } finally {
      server.close();
    }
  });
});
