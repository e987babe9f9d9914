import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EncodedPhoto } from '@showtell/encoder-worker/encode-photos';
import { renderSvg } from '@showtell/shared/image/render-svg';
import { narrowWeights } from '../../encoder-worker/test/narrow-weights';
import { openPhotoEncoder } from '../src/photo-encoder';

/** A picture of one grey. */
const grey = (value: number) =>
  renderSvg(
    `<svg xmlns="http://www.w3.org/2000/svg" width="299" height="299"><rect width="299" height="299" fill="rgb(${value},${value},${value})"/></svg>`,
  );

const featuresOf = async (results: AsyncIterable<EncodedPhoto>) => {
  const features: number[][] = [];
  for await (const { feature } of results) features.push([...feature!]);
  return features;
};

test('InceptionV3 in a process of its own gives one photo the same feature alone and among others', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'showtell-photo-encoder-'));
  const weights = join(folder, 'narrow.safetensors');
  const { safetensors, sha256, dimension } = narrowWeights(1);
  writeFileSync(weights, safetensors);
  const encoder = await openPhotoEncoder({ weights, threads: 1 });
  try {
    expect(encoder.identity).toMatchObject({ weightsSha256: sha256, precision: 'float32', dimension });
    const photos = await Promise.all([grey(20), grey(128), grey(250)]);
    const together = await featuresOf(encoder.encode(photos));
    const alone = await featuresOf(encoder.encode([photos[1]!]));
    expect(alone[0]).toEqual(together[1]);
    expect(together[0]).not.toEqual(together[1]);
    expect(together[0]).toHaveLength(dimension);
  } finally {
    await encoder.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
