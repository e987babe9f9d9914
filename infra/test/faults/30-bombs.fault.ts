import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openDataset } from '@showtell/ingest/source/open';
import { latestManifestNumber } from '@showtell/shared/manifests';
import { blackPng } from '../../../packages/shared/test/image/png';
import { until } from '../../../packages/shared/test/queue/until';
import { checkInvariants } from '../invariants';
import type { WorkerProgram } from '../worker-program';
import { describeFault } from './fault';
import { noise, writePhotos } from './photo-folder';

/** Most memory that a process has had since the last call, in MB. Linux counts it. */
function peakMegabytes({ child }: WorkerProgram): number {
  const kilobytes = Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))![1]);
  writeFileSync(`/proc/${child.pid}/clear_refs`, '5');
  return kilobytes / 1_000;
}

const GREATEST_GROWTH = 100;

describeFault(30, 'bombs: a PNG of 30,000 × 30,000 in 110 kB, files of 200 MB', {}, (place) => {
  if (process.platform !== 'linux') {
    test.skip('only Linux tells how much memory a process has had', () => undefined);
    return;
  }
  // Ingest prepares in the one, the encoder in the other.
  test.each([{}, { pixelWindow: 0 }])(
    'they are refused before they are decoded or read; settings: %j',
    async (settings) => {
      const rig = await place.rig({ ...settings, lockSeconds: 30 });
      const programs = [place.program(rig, 'ingest'), place.program(rig, 'encoder')];
      const sound = Object.fromEntries(
        await Promise.all(
          Array.from({ length: 12 }, async (_, index) => [`sound-${index}.jpg`, await noise(320, 310, index).jpeg().toBuffer()]),
        ),
      ) as Record<string, Buffer>;
      const encode = async (folder: string) => {
        const { run } = await rig.enqueue({ source: await openDataset(folder), splits: [] });
        await until(async () => (await latestManifestNumber(rig.store, run)) > 0, 60_000);
        return checkInvariants(rig.store, run);
      };
      const usual = await encode(writePhotos(rig, sound, 'usual'));
      for (const program of programs) peakMegabytes(program);
      // From here on what they have at most, warm as they are, is counted anew.
      await encode(writePhotos(rig, Object.fromEntries(Object.entries(sound).reverse()), 'again'));
      const before = programs.map(peakMegabytes);

      const png = blackPng(30_000);
      expect(png.length).toBeLessThan(120_000);
      const bombs = Array.from(
        { length: 8 },
        (_, index) =>
          [
            [`png-${index}`, png],
            [`file-${index}`, png.subarray(0, 4_000)],
          ] as const,
      ).flat();
      const folder = writePhotos(rig, { ...sound, ...Object.fromEntries(bombs.map(([name, bytes]) => [`${name}.jpg`, bytes])) }, 'bombs');
      for (const [name] of bombs) if (name.startsWith('file')) truncateSync(join(folder, `${name}.jpg`), 200_000_000);
      const { rejected, features } = await encode(folder);
      expect(Object.fromEntries(rejected)).toEqual(
        Object.fromEntries(bombs.map(([name]) => [name, name.startsWith('png') ? 'TOO_MANY_PIXELS' : 'TOO_LARGE'])),
      );
      for (const [name, feature] of usual.features) expect(features.get(name)).toEqual(feature);
      const grown = programs.map((program, index) => peakMegabytes(program) - before[index]!);
      for (const megabytes of grown) expect(megabytes).toBeLessThan(GREATEST_GROWTH);
    },
    120_000,
  );
});
