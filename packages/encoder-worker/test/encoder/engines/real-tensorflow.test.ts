import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pixelBytes } from '@showtell/shared/image/limits';
import type { EngineDescription } from '../../../src/encoder/engines/engine';
import { resolveWeights } from '../../../src/encoder/weights/resolve';
import { type EngineProcess, startEngineProcess } from '../../../src/engine-process';
import { HAS_TENSORFLOW } from './computers';
import { describeEngine, difference, narrowSubject } from './contract';

const options = { precision: 'float32', engine: 'tensorflow', device: 'cpu', threads: 2 } as const;
const folder = process.env['SHOWTELL_TENSORFLOW'];

if (HAS_TENSORFLOW)
  describeEngine(
    'tensorflow on TensorFlow itself',
    (weights) => startEngineProcess({ ...options, weights, tensorflow: folder }),
    // How a convolution is computed depends on the size of the batch.
    { ...narrowSubject(), sameBits: false },
    (engine) => (engine as EngineProcess).rss,
  );

interface Soak {
  readonly node: string;
  readonly description: EngineDescription;
  readonly before: number;
  readonly tensors: readonly number[];
  readonly rss: number;
  readonly grown: number;
  readonly imagesPerSecond: number;
  /** Base64. */
  readonly features: string;
}

(HAS_TENSORFLOW ? describe : describe.skip)('TensorFlow itself, which npm run test:tensorflow installs: full width', () => {
  const SIZE = 8;
  let temporary: string;
  let weights: string;
  beforeAll(async () => {
    temporary = await mkdtemp(join(tmpdir(), 'showtell-real-tensorflow-'));
    weights = join(temporary, 'weights');
    await writeFile(weights, (await resolveWeights('bundled')).bytes);
  });
  afterAll(() => rm(temporary, { recursive: true }));

  const soak = async (node: string, batches: number): Promise<Soak> => {
    const { stdout } = await promisify(execFile)(
      node,
      ['--expose-gc', join(__dirname, 'tensorflow-soak.js'), weights, String(batches), String(SIZE)],
      { maxBuffer: 2 ** 26 },
    );
    return JSON.parse(stdout) as Soak;
  };
  const numbers = ({ features }: Soak) => new Float32Array(new Uint8Array(Buffer.from(features, 'base64')).buffer);

  test('200 batches leave neither a tensor nor memory behind', async () => {
    const { node, description, before, tensors, rss, grown, imagesPerSecond } = await soak(process.execPath, 200);
    const megabytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MB`;
    process.stdout.write(
      `TensorFlow ${description.versions['tensorflow']} on ${description.deviceName}, Node ${node}: ${imagesPerSecond.toFixed(1)} images/s, ${tensors.join(', ')} tensors, RSS ${megabytes(rss)}, grown by ${megabytes(grown)} in 150 batches\n`,
    );
    expect(tensors).toEqual([before]);
    // The pixels of 150 batches alone would be 1.3 GB as numbers.
    expect(grown).toBeLessThan(100 * 2 ** 20);
  }, 600_000);

  const other = process.env['SHOWTELL_OTHER_NODE'];
  (other === undefined ? describe.skip : describe)('on another version of Node, which SHOWTELL_OTHER_NODE names', () => {
    test('features have the same bits, and are those of the engine onnx', async () => {
      const [here, there] = [await soak(process.execPath, 1), await soak(other!, 1)];
      expect(there.node).not.toBe(here.node);
      expect(numbers(there)).toEqual(numbers(here));
      const onnx = await startEngineProcess({ ...options, engine: 'onnx', weights });
      const bytes = SIZE * pixelBytes(onnx.side);
      const pixels = Uint8Array.from({ length: bytes }, (_, index) => (index * 7_919 + (index >> 8) * 31) % 256);
      const expected = await onnx.encode(pixels, SIZE);
      await onnx.close();
      const { absolute } = difference(numbers(here), expected);
      process.stdout.write(`Node ${here.node} and ${there.node}: same bits; greatest difference from onnx ${absolute.toExponential(1)}\n`);
      expect(absolute).toBeLessThan(1e-4);
    }, 120_000);
  });
});
