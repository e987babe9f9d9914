import { pixelBytes } from '@showtell/shared/image/limits';
import type { EncoderEngine } from './encoder/engines/engine';
import { openEngine, probeEngine } from './encoder/engines/open';
import { AREA_FD, type EngineReply, type EngineRequest, toWire } from './engine-messages';
import { PixelReader } from './pixel-area';

/** The engine's own process, started by `startEngineProcess`: opens one engine, answers requests in order, ends with its parent. */
let engine: EncoderEngine | undefined;
const area = new PixelReader(AREA_FD);
let queue: Promise<void> = Promise.resolve();

async function answer(request: EngineRequest): Promise<void> {
  switch (request.type) {
    case 'open':
      try {
        engine = await openEngine(request.options, (notice) => reply({ type: 'notice', notice }));
        // Reading weights and building graphs leaves a few hundred megabytes in buffers that V8 would not feel for long.
        globalThis.gc?.();
        reply({ type: 'ready', description: engine.description, side: engine.side, dimension: engine.dimension, batch: engine.batch });
      } catch (error) {
        reply({ type: 'refused', error: toWire(error) });
      }
      return;
    case 'probe':
      try {
        reply({ type: 'probed', description: await probeEngine(request.options) });
      } catch (error) {
        reply({ type: 'refused', error: toWire(error) });
      }
      return;
    case 'encode':
      try {
        const pixels = request.pixels ?? area.read(request.count * pixelBytes(engine!.side));
        const features = await engine!.encode(pixels, request.count);
        reply({ type: 'features', id: request.id, features, rss: process.memoryUsage.rss() });
      } catch (error) {
        reply({ type: 'failed', id: request.id, error: toWire(error) });
      }
      return;
    case 'close':
      await engine?.close();
      process.disconnect();
  }
}

function reply(message: EngineReply): void {
  process.send!(message);
}

process.on('message', (request: EngineRequest) => {
  queue = queue.then(() => answer(request));
});
// The parent is gone, or has let go: nobody is left to answer.
process.on('disconnect', () => process.exit(0));
// Ctrl-C and service managers signal the whole group; the parent decides what is still to be finished.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
