import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { latestManifestNumber } from '@showtell/shared/manifests';
import sharp from 'sharp';
import { writeCocoFixture } from '../../../packages/ingest/test/coco-fixture';
import { until } from '../../../packages/shared/test/queue/until';
import { checkInvariants } from '../invariants';
import type { WorkerProgram } from '../worker-program';
import { describeFault } from './fault';

describeFault(2, 'a photo that kills ingest, and one that kills the encoder', { stores: ['file', 's3'] }, (place) => {
  test('both are found and rejected; all others are committed', async () => {
    const rig = await place.rig();
    const folder = join(rig.folder, 'photos');
    await mkdir(folder);
    const { imageIds } = await writeCocoFixture(folder, [{ name: 'train2017', photos: 20 }]);
    const path = (index: number) => join(folder, 'train2017', `${imageIds['train2017']![index]!.padStart(12, '0')}.jpg`);
    const deadly = { preparing: 'kills whoever prepares it', encoder: [10, 250, 40] } as const;
    await appendFile(path(3), deadly.preparing);
    const [r, g, b] = deadly.encoder;
    await writeFile(
      path(12),
      await sharp({ create: { width: 64, height: 64, channels: 3, background: { r, g, b } } })
        .png()
        .toBuffer(),
    );
    const { run } = await rig.enqueue({ dataset: folder });
    const preload = JSON.stringify(join(__dirname, '..', 'deadly-photos.js'));
    const env = { NODE_OPTIONS: `--require ${preload}`, DEADLY_PHOTOS: JSON.stringify(deadly) };
    const stop = new AbortController();
    const programs: WorkerProgram[] = [];
    let deaths = 0;
    /** As a service manager does. */
    const keepUp = async (stage: 'ingest' | 'encoder') => {
      while (!stop.signal.aborted) {
        const program = place.program(rig, stage, { env });
        programs.push(program);
        const { signal } = await program.exit;
        if (signal === 'SIGKILL') deaths += 1;
      }
    };
    const kept = [keepUp('ingest'), keepUp('encoder')];
    await until(async () => (await latestManifestNumber(rig.store, run)) > 0, 60_000).finally(() => {
      stop.abort();
      for (const { child } of programs) child.kill('SIGTERM');
    });
    await Promise.all(kept);
    const checked = await checkInvariants(rig.store, run);
    expect([...checked.rejected]).toEqual([
      [imageIds['train2017']![3], 'CRASHED_WORKER'],
      [imageIds['train2017']![12], 'CRASHED_WORKER'],
    ]);
    expect(checked.features.size).toBe(18);
    // Ingest died of the one before it let go, and so did the encoder; the engine's deaths are not its worker's.
    expect(deaths).toBeGreaterThanOrEqual(2);
  }, 120_000);
});
