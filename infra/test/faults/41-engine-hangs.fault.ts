import { join } from 'node:path';
import { type EngineProcess, probeEngineProcess, startEngineProcess } from '@showtell/encoder-worker/engine-process';
import { runEncoderWorker } from '@showtell/encoder-worker/worker';
import { latestManifestNumber } from '@showtell/shared/manifests';
import { Shutdown } from '@showtell/shared/shutdown';
import pino from 'pino';
import { until } from '../../../packages/shared/test/queue/until';
import { checkInvariants } from '../invariants';
import { describeFault } from './fault';

describeFault(41, 'the encoder process hangs, and its worker lives', {}, (place) => {
  test('it is killed, and the batch is encoded by another one; no photo is blamed', async () => {
    const rig = await place.rig();
    const { run, shards } = await rig.enqueue();
    const lines: string[] = [];
    const logger = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
    const engines: EngineProcess[] = [];
    const shutdown = new Shutdown(logger);
    const done = runEncoderWorker({
      settings: rig.settings,
      store: rig.store,
      logger,
      precision: 'float32',
      engine: 'onnx',
      device: 'cpu',
      threads: 1,
      cacheFolder: join(rig.folder, 'weights'),
      shutdown,
      processes: {
        probe: probeEngineProcess,
        start: async (options) => {
          const engine = await startEngineProcess({ ...options, answerMs: 3_000 });
          engines.push(engine);
          // As a driver does that is never heard of again.
          if (engines.length === 1) process.kill(engine.pid, 'SIGSTOP');
          return engine;
        },
      },
    });
    rig.ingest();
    await until(async () => (await latestManifestNumber(rig.store, run)) > 0, 60_000);
    const { rejected, manifests } = await checkInvariants(rig.store, run);
    expect(rejected.size).toBe(0);
    expect(manifests).toBe(1);
    expect(lines.filter((line) => line.includes('gave no answer for 3 s and was killed'))).toHaveLength(1);
    expect(lines.filter((line) => line.includes('"shard committed"'))).toHaveLength(shards.planned);
    // The worker kept the lock of the job meanwhile.
    expect(lines.join('')).not.toContain('LOCK_LOST');
    await shutdown.run();
    await done;
  }, 90_000);
});
