/**
 * Encodes so many batches in TensorFlow itself, in this process, as the compiled package does, and prints what came of it as JSON.
 * Usage: node tensorflow-soak.js WEIGHTS BATCHES SIZE
 */
const path = require('node:path');

const dist = path.join(__dirname, '..', '..', '..', 'dist', 'encoder', 'engines');
const { openEngine } = require(path.join(dist, 'open.js'));
const { loadTensorflow } = require('@showtell/shared/tensorflow/load');
const { pixelBytes } = require('@showtell/shared/image/limits');
const { tensorflowFolder } = require('@showtell/shared/tensorflow/bindings');

const THREADS = 2;
/** Until the allocators have what they keep. */
const WARM_UP = 50;

async function main([weights, batches, size]) {
  const tensorflow = tensorflowFolder(process.env.SHOWTELL_TENSORFLOW);
  const engine = await openEngine({ weights, precision: 'float32', engine: 'tensorflow', device: 'cpu', threads: THREADS, tensorflow });
  const { tf } = await loadTensorflow({ device: 'cpu', threads: THREADS, folder: tensorflow });
  const bytes = pixelBytes(engine.side);
  const pixels = Uint8Array.from({ length: size * bytes }, (_, index) => (index * 7_919 + (index >> 8) * 31) % 256);
  const features = await engine.encode(pixels, Number(size));
  const before = tf.memory().numTensors;
  const tensors = new Set();
  let rss = 0;
  let begun = 0;
  for (let batch = 0; batch < batches; batch++) {
    if (batch === Math.min(WARM_UP, batches - 1)) {
      global.gc?.();
      rss = process.memoryUsage.rss();
      begun = performance.now();
    }
    await engine.encode(pixels, Number(size));
    tensors.add(tf.memory().numTensors);
  }
  const seconds = (performance.now() - begun) / 1_000;
  global.gc?.();
  const grown = process.memoryUsage.rss() - rss;
  const imagesPerSecond = ((batches - Math.min(WARM_UP, batches - 1)) * size) / seconds;
  const { description } = engine;
  const encoded = Buffer.from(features.buffer).toString('base64');
  console.log(
    JSON.stringify({ node: process.version, description, before, tensors: [...tensors], rss, grown, imagesPerSecond, features: encoded }),
  );
}

void main(process.argv.slice(2));
