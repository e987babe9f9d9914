import { mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { formatTable } from '@showtell/cli/output/table';
import { openEngine } from '@showtell/encoder-worker/encoder/engines/open';
import { CALIBRATION_PHOTOS } from '@showtell/encoder-worker/encoder/int8/calibrate';
import { calibrateWeights } from '@showtell/encoder-worker/encoder/int8/calibrate-weights';
import { type ResolvedWeights, resolveWeights } from '@showtell/encoder-worker/encoder/weights/resolve';
import { openPhotoFolder } from '@showtell/encoder-worker/photo-folder';
import { ShowtellError } from '@showtell/shared/errors';
import { type Precision, sideOf } from '@showtell/shared/schema/encoder-identity';
import { runBench, wholeNumberOf } from './bench-program';
import { type Comparison, compareFeatures } from './compare-features';

const HELP = `npm run bench:accuracy -- [--source FOLDER] [--calibration 16,32,64] [--photos N] [--weights SPEC] [--threads N] [--json]

Calibrates the int8 encoder, and compares its features with those of float32 on other photos. Ends with exit code 1 when they are
not as close as int8 is meant to be: mean cosine at least 0.9992, relative error at most 0.03.

  --source FOLDER      photos (default: $SHOWTELL_DATA/flickr8k-mini, else ../shared/data/flickr8k-mini)
  --on FOLDER          photos to calibrate on (default: others of --source)
  --calibration LIST   how many photos it is calibrated on, each in turn (default: ${CALIBRATION_PHOTOS})
  --photos N           how many it is compared on (default: 200)
  --weights SPEC       as for showtell enqueue (default: bundled)
  --threads N          (default: one for every core)
  --json               print the figures as JSON`;

/** What int8 is meant to keep of float32. */
const NEEDED = { meanCosine: 0.9992, relativeError: 0.03 } as const;
const MICRO_BATCH = 32;

interface Row extends Comparison {
  readonly calibrationPhotos: number;
  /** Of computing; preparing the photos not included. */
  readonly calibrationSeconds: number;
  readonly sha256: string;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      source: { type: 'string' },
      on: { type: 'string' },
      calibration: { type: 'string', default: String(CALIBRATION_PHOTOS) },
      photos: { type: 'string', default: '200' },
      weights: { type: 'string', default: 'bundled' },
      threads: { type: 'string', default: String(availableParallelism()) },
      json: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) return void process.stdout.write(`${HELP}\n`);
  const counts = values.calibration.split(',').map((text) => wholeNumberOf('calibration', text));
  const [photos, threads] = [wholeNumberOf('photos', values.photos), wholeNumberOf('threads', values.threads)];
  const source = resolve(values.source ?? join(process.env['SHOWTELL_DATA'] ?? '../shared/data', 'flickr8k-mini'));

  const weights = await resolveWeights(values.weights);
  const most = Math.max(...counts);
  const side = sideOf(weights.preprocessing);
  const prepared = await firstPhotos(source, side, photos + (values.on === undefined ? most : 0));
  const compared = prepared.slice(0, photos);
  const calibration = values.on === undefined ? prepared.slice(photos) : await firstPhotos(resolve(values.on), side, most);

  const folder = mkdtempSync(join(tmpdir(), 'showtell-accuracy-'));
  try {
    const encode = async (bytes: Buffer, precision: Precision) => {
      const path = join(folder, precision);
      await writeFile(path, bytes);
      return encodeAll({ path, precision, threads }, compared);
    };
    const expected = await encode(weights.bytes, 'float32');
    const rows: Row[] = [];
    for (const count of counts) {
      const startedAt = performance.now();
      const { bytes, sha256 } = await calibrated(weights, calibration.slice(0, count), threads);
      const calibrationSeconds = (performance.now() - startedAt) / 1_000;
      const features = await encode(bytes, 'int8');
      rows.push({ calibrationPhotos: count, calibrationSeconds, sha256, ...compareFeatures(features, expected, weights.dimension) });
    }
    report(rows, compared.length, weights, values.json === true);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Prepared photos, spread over all that lie in the folder. */
async function firstPhotos(path: string, side: number, count: number): Promise<Buffer[]> {
  const photos: Buffer[] = [];
  for await (const photo of (await openPhotoFolder(path)).photos({ side })) {
    photos.push(photo);
    if (photos.length === count) return photos;
  }
  throw new ShowtellError('EMPTY_DATASET', `Expected ${count} photos in ${path} but received ${photos.length}`);
}

function calibrated(weights: ResolvedWeights, photos: readonly Buffer[], threads: number) {
  async function* each() {
    yield* photos;
  }
  return calibrateWeights(weights, each(), { count: photos.length, threads });
}

async function encodeAll(
  { path, precision, threads }: { readonly path: string; readonly precision: Precision; readonly threads: number },
  photos: readonly Buffer[],
): Promise<Float32Array> {
  const engine = await openEngine({ weights: path, precision, engine: 'onnx', device: 'cpu', threads });
  const features = new Float32Array(photos.length * engine.dimension);
  for (let start = 0; start < photos.length; start += MICRO_BATCH) {
    const batch = photos.slice(start, start + MICRO_BATCH);
    features.set(await engine.encode(Buffer.concat(batch), batch.length), start * engine.dimension);
  }
  await engine.close();
  return features;
}

function report(rows: readonly Row[], photos: number, { description }: ResolvedWeights, json: boolean): void {
  const fails = rows.filter((row) => row.meanCosine < NEEDED.meanCosine || row.relativeError > NEEDED.relativeError);
  if (json) process.stdout.write(`${JSON.stringify({ photos, needed: NEEDED, rows }, null, 2)}\n`);
  else {
    process.stderr.write(`${description}; int8 against float32 on ${photos} photos that it was not calibrated on\n`);
    const error = (value: number) => value.toFixed(4);
    process.stdout.write(
      formatTable(
        ['calibrated on', 'in', 'mean cosine', 'least cosine', 'relative error', 'mean of photos'],
        [
          ...rows.map((row) => [
            `${row.calibrationPhotos} photos`,
            `${row.calibrationSeconds.toFixed(1)} s`,
            row.meanCosine.toFixed(5),
            row.leastCosine.toFixed(5),
            error(row.relativeError),
            error(row.meanRelativeError),
          ]),
          ['needed', '', `≥ ${NEEDED.meanCosine}`, '', `≤ ${NEEDED.relativeError}`, ''],
        ],
      ),
    );
  }
  if (fails.length === 0) return;
  process.stderr.write(`int8 is further from float32 than it is meant to be\n`);
  process.exitCode = 1;
}

runBench(main);
