import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { sha256 } from '@showtell/shared/hash';
import { prepare } from '@showtell/shared/image/prepare';
import { openSession, Tensor } from '@showtell/shared/onnx/session';
import { describeConformance } from '../../../shared/test/conformance';
import { encoderGraph } from '../../src/encoder/engines/onnx-graph';
import { HEAD_BYTES, kindOf } from '../../src/encoder/weights/foreign-file';
import { resolveWeights } from '../../src/encoder/weights/resolve';
import { decodeWeights } from '../../src/encoder/weights/tensors';
import { COMPUTERS } from './engines/computers';
import { difference, TOLERANCE } from './engines/contract';

interface Features {
  readonly dim: number;
  readonly photos: readonly { photo: string; rgb_sha256: string; float64: number[] }[];
}

interface Activations {
  readonly photo: string;
  readonly layers: readonly { layer: string; shape: [number, number, number]; mean: number; std: number; first4_at_centre: number[] }[];
}

/** Every folder below (and with) this one that has a `features.json` and weights files beside it. */
function foldersOfWeights(folder: string): string[] {
  const names = readdirSync(folder);
  const below = names.map((name) => join(folder, name)).filter((path) => statSync(path).isDirectory());
  const here = names.includes('features.json') && weightsFiles(folder).length > 0 ? [folder] : [];
  return [...here, ...below.flatMap(foldersOfWeights)];
}

/** By content: whatever its name is. */
function weightsFiles(folder: string): string[] {
  const files = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile());
  return files
    .map(({ name }) => join(folder, name))
    .filter((path) => typeof kindOf(readFileSync(path).subarray(0, HEAD_BYTES), Buffer.alloc(0), path) === 'string');
}

const json = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'));

/** The pictures lie beside `features.json`, or beside that of the folder above. */
async function readPictures(folder: string, { photos }: Features): Promise<Buffer> {
  const pictures = photos.map(async ({ photo, rgb_sha256 }) => {
    const path = [folder, dirname(folder)].map((place) => join(place, photo)).find((candidate) => existsSync(candidate))!;
    const { pixels } = await prepare(readFileSync(path));
    expect(sha256(pixels)).toBe(rgb_sha256);
    return pixels;
  });
  return Buffer.concat(await Promise.all(pictures));
}

/** The first layer, in order, whose output is not what Keras has: where a difference begins. */
async function firstDifference(safetensors: Buffer, folder: string): Promise<string> {
  const path = join(folder, 'activations.json');
  if (!existsSync(path)) return 'there is no activations.json to tell where it begins';
  const { photo, layers } = json(path) as Activations;
  const known = layers.filter(({ layer }) => /^(?:activation_|(?:max|average)_pooling2d_|mixed\d+$)/.test(layer));
  const taps = known.map(({ layer }) => layer);
  const session = await openSession(encoderGraph(decodeWeights(safetensors, folder), taps), { threads: 1 });
  const { pixels } = await prepare(readFileSync(join(folder, photo)));
  const outputs = await session.run({ pixels: new Tensor('uint8', pixels, [1, 299, 299, 3]) });
  await session.release();
  for (const { layer, shape, mean, std, first4_at_centre: centre } of known) {
    const { data, dims } = outputs[layer] as unknown as { data: Float32Array; dims: number[] };
    const [, channels, rows, columns] = dims as [number, number, number, number];
    const here = [rows, columns, channels].join('×');
    if (here !== shape.join('×')) return `${layer} has shape ${here} but Keras has ${shape.join('×')}`;
    const [ours, spread] = meanAndSpread(data);
    const place = (rows >> 1) * columns + (columns >> 1);
    const atCentre = centre.map((_, channel) => data[channel * rows * columns + place]!);
    const wrong = Math.max(Math.abs(ours - mean), Math.abs(spread - std), difference(atCentre, centre).absolute);
    if (wrong > TOLERANCE.absolute) return `${layer} is the first layer that differs, by ${wrong}`;
  }
  return 'no layer differs by itself';
}

function meanAndSpread(data: Float32Array): [number, number] {
  let [sum, squares] = [0, 0];
  for (const value of data) {
    sum += value;
    squares += value * value;
  }
  const mean = sum / data.length;
  return [mean, Math.sqrt(Math.max(0, squares / data.length - mean * mean))];
}

/** Every weights file below the folder, by every engine. */
function compareWithKeras(root: string): void {
  const folders = foldersOfWeights(root);
  const name = (path: string) => relative(root, path);

  test('there are weights files', () => {
    expect(folders).not.toHaveLength(0);
  });

  test.each(folders.map((folder) => [name(folder) || '.', folder]))('the files of %s have one identity', async (_, folder) => {
    const identities = await Promise.all(weightsFiles(folder).map(async (path) => [name(path), (await resolveWeights(path)).sha256]));
    expect(Object.fromEntries(identities)).toEqual(Object.fromEntries(identities.map(([file]) => [file, identities[0]![1]])));
  });

  describe.each(COMPUTERS)('$engine on $device', ({ engine: engineName, device, open }) => {
    test.each(folders.flatMap(weightsFiles).map((path) => [name(path), path]))('%s', async (file, path) => {
      const folder = dirname(path);
      const features = json(join(folder, 'features.json')) as Features;
      const weights = await resolveWeights(path);
      expect(weights.dimension).toBe(features.dim);

      const temporary = await mkdtemp(join(tmpdir(), 'showtell-conformance-'));
      await writeFile(join(temporary, 'weights.safetensors'), weights.bytes);
      const engine = await open({
        weights: join(temporary, 'weights.safetensors'),
        precision: 'float32',
        engine: engineName,
        device,
        threads: 1,
      });
      const ours = await engine.encode(await readPictures(folder, features), features.photos.length);
      await engine.close();
      await rm(temporary, { recursive: true });

      const { absolute, rms } = difference(
        ours,
        features.photos.flatMap(({ float64 }) => float64),
      );
      const figures = `greatest difference ${absolute.toExponential(1)}, RMS ${rms.toExponential(1)}`;
      process.stdout.write(`${engineName} on ${device}, ${file}: ${features.dim}-d, ${figures}\n`);
      if (absolute >= TOLERANCE.absolute || rms >= TOLERANCE.rms)
        throw new Error(`${figures}: ${await firstDifference(weights.bytes, folder)}`);
    });
  });
}

describeConformance('InceptionV3 features computed by Keras', ['.'], compareWithKeras);

/** A folder that `tools/make_full_inception.py` wrote; `npm run conformance:full` makes one. */
const full = process.env['SHOWTELL_FULL_INCEPTION'];
if (full !== undefined)
  describe('full-width InceptionV3 features computed by Keras', () => {
    compareWithKeras(resolve(full));
  });
