// One worker in a process of its own, over the compiled packages: `node worker-process.js '{"stage":"encoder","settings":{…}}'`.
const { runEncoderWorker } = require('@showtell/encoder-worker/worker');
const { runIngestWorker } = require('@showtell/ingest/worker');
const { createLogger } = require('@showtell/shared/logger');
const { openStore } = require('@showtell/shared/object-store/open');
const { Shutdown } = require('@showtell/shared/shutdown');

async function main() {
  const { stage, settings, cacheFolder } = JSON.parse(process.argv[2]);
  const logger = createLogger(stage, settings);
  const shutdown = new Shutdown(logger).handleSignals();
  const store = openStore(settings.store);
  shutdown.defer('store', () => store.close());
  const options = { settings, store, logger, shutdown };
  try {
    if (stage === 'ingest') await runIngestWorker(options);
    else await runEncoderWorker({ ...options, precision: 'float32', engine: 'onnx', device: 'cpu', threads: 1, cacheFolder });
  } finally {
    await shutdown.run();
  }
}

main().catch((error) => {
  console.error(error);
  process.exitCode = error.exitCode ?? 1;
});
