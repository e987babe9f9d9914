import { describeFault } from './fault';
import { encodePhotos, noise } from './photo-folder';

const sound = async () => ({
  'sound-1.jpg': await noise(90, 70, 5).jpeg().toBuffer(),
  'sound-2.jpg': await noise(60, 80, 6).jpeg().toBuffer(),
});

const rejectedAs = (names: readonly string[], code: string) => Object.fromEntries(names.map((name) => [name, code]));

describeFault(25, 'what is no photo is named .jpg', {}, (place) => {
  test('it is rejected by its content, the rest is committed', async () => {
    const rig = await place.rig();
    const bad = {
      nothing: Buffer.alloc(0),
      byte: Buffer.of(0xff),
      html: Buffer.from('<!DOCTYPE html><html><body><h1>404 Not Found</h1></body></html>'),
      svg: Buffer.from(
        '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="file:///etc/passwd" width="9" height="9"/></svg>',
      ),
      gif: await noise(30, 30).gif().toBuffer(),
      pdf: Buffer.from('%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF'),
      tiff: await noise(30, 30).tiff().toBuffer(),
      avif: await noise(30, 30).avif().toBuffer(),
      json: Buffer.from('{"error":"no such key"}'),
      wave: Buffer.from('RIFF\x24\0\0\0WAVEfmt ', 'latin1'),
    };
    const alone = await encodePhotos(rig, await sound(), 'alone');
    const named = Object.fromEntries(Object.entries(bad).map(([name, bytes]) => [`${name}.jpg`, bytes]));
    const { rejected, feature } = await encodePhotos(rig, { ...named, ...(await sound()) });
    expect(Object.fromEntries(rejected)).toEqual(rejectedAs(Object.keys(bad), 'UNSUPPORTED_FORMAT'));
    for (const name of ['sound-1', 'sound-2']) expect(feature(name)).toEqual(alone.feature(name));
  });
});

describeFault(26, 'a photo ends early, or its middle is damaged', {}, (place) => {
  test('it is rejected, the rest is committed', async () => {
    const rig = await place.rig();
    const whole: Record<string, Buffer> = {
      baseline: await noise(120, 90, 2).jpeg().toBuffer(),
      // The end of a portrait lies below its square.
      portrait: await noise(90, 240, 3).jpeg().toBuffer(),
      progressive: await noise(120, 90, 4).jpeg({ progressive: true }).toBuffer(),
      png: await noise(120, 90, 5).png().toBuffer(),
    };
    const photos: Record<string, Buffer> = await sound();
    for (const [name, bytes] of Object.entries(whole)) {
      photos[`${name}-whole`] = bytes;
      photos[`${name}-half`] = bytes.subarray(0, bytes.length >> 1);
      photos[`${name}-last`] = bytes.subarray(0, -40);
      photos[`${name}-middle`] = Buffer.from(bytes).fill(0xff, bytes.length >> 1, (bytes.length >> 1) + 64);
    }
    const { rejected, features } = await encodePhotos(rig, photos);
    const kinds = Object.keys(whole);
    expect(Object.fromEntries(rejected)).toEqual({
      ...rejectedAs(
        kinds.flatMap((kind) => [`${kind}-half`, `${kind}-last`]),
        'TRUNCATED',
      ),
      ...rejectedAs(
        kinds.map((kind) => `${kind}-middle`),
        'CORRUPT_IMAGE',
      ),
    });
    expect([...features.keys()].sort()).toEqual([...kinds.map((kind) => `${kind}-whole`), 'sound-1', 'sound-2'].sort());
  });
});
