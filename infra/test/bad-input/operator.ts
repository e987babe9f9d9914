import { type BadInput, rowsOf } from './bad-input';

const { wrong, damaged } = rowsOf('operator');
/** Weights that are quick to load: bundled ones would do as well. */
const narrow = (source: string) => `enqueue ${source} --weights narrow.safetensors`;

/** Command lines. */
const LINES: readonly BadInput[] = [
  wrong('a command that does not exist', 'enqeue ./coco'),
  wrong('a flag that does not exist', 'status --jsno'),
  wrong('no argument where one is needed', 'enqueue'),
  wrong('an argument too many', 'status drawn other'),
  wrong('no command after `worker`', 'worker'),
  wrong('a service that there is not', 'worker encode'),
  wrong('a flag without its value', 'status --store'),
  wrong('a number that is too small', 'enqueue synthetic:8 --shard-rows 0'),
  wrong('a number in another notation', 'enqueue synthetic:8 --shard-rows 1e3'),
  wrong('a share that there is not', 'priority waiting 0'),
  wrong('a precision that there is not', 'enqueue synthetic:8 --precision float64'),
  wrong('words where a number is wanted', 'worker ingest --concurrency many'),
  wrong('a device that there is not', 'worker encoder --device tpu'),
  wrong('a precision that the device has not', 'worker encoder --device cpu --precision float16'),
  wrong('an age without a unit', 'gc --older-than 5'),
  wrong('an age at which objects may be on their way', 'gc --older-than 1h --delete'),
  wrong('an engine that there is not', 'engine install pytorch'),
  wrong('a port that there is not', 'up --port 99999'),
  wrong('a shell that is not known', 'completion tcsh'),
];

/** Settings, servers and credentials. */
const SETTINGS: readonly BadInput[] = [
  wrong('no address of Redis', narrow('synthetic:8'), { REDIS_URL: undefined }),
  wrong('an address of another kind', 'status', { REDIS_URL: 'http://ada:hunter2@{host}' }),
  wrong('a port of Redis that there is not', 'status', { REDIS_URL: 'redis://:hunter2@127.0.0.1:99999' }),
  wrong('a database of Redis that is no number', 'status', { REDIS_URL: '{redis}/jobs' }),
  wrong('a database of Redis that the server has not', 'status', { REDIS_URL: '{redis}/99' }),
  wrong('a wrong password of Redis', 'status', { REDIS_URL: 'redis://:hunter2@{host}' }),
  wrong('no password of Redis', 'worker ingest', { REDIS_URL: 'redis://{host}' }),
  wrong('no server at the address of Redis', 'status', { REDIS_URL: 'redis://:hunter2@{nobody}' }),
  wrong('no server for pixels', narrow('synthetic:8'), { SHOWTELL_PIXEL_REDIS: 'redis://{nobody}' }),
  wrong('a password on the command line', 'status --redis redis://:hunter2@{host}'),
  wrong('several settings at once', 'status --lock-seconds soon --s3-endpoint minio:9000 --log-level loud --pixel-window 5PB'),
  wrong('a settings file that is no JSON', 'status --config settings/torn.json'),
  wrong('a settings file that is no object', 'status --config settings/list.json'),
  wrong('a settings file with a mistyped setting', 'status --config settings/unknown.json'),
  wrong('a settings file with wrong values', 'status --config settings/wrong.json', { REDIS_URL: undefined }),
  wrong('a mistyped variable', 'status', { SHOWTELL_STROE: 's3://results' }),
  wrong('a settings file that is not there', 'status --config absent.json'),
  wrong('a path in place of an address of the store', 'status --store ./store'),
  wrong('a store without a bucket', 'status --store s3://'),
  wrong('a store address with a password', 'status --store s3://ada:hunter2@results/x'),
  wrong('a store that is a file', 'status --store file:///dev/null'),
  wrong('a bucket that does not exist', 'status', { SHOWTELL_STORE: 's3://absent-bucket/x' }),
  wrong('a wrong secret key', 'status', { SHOWTELL_STORE: 's3://{bucket}/x', AWS_SECRET_ACCESS_KEY: 'hunter2' }),
  wrong('no credentials', 'status', { SHOWTELL_STORE: 's3://{bucket}/x', AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined }),
  wrong('no server at the address of S3', 'status', { SHOWTELL_STORE: 's3://results/x', S3_ENDPOINT: 'http://{nobody}' }),
];

/** Sources. */
const DATASETS: readonly BadInput[] = [
  wrong('a folder that is not there', 'enqueue ./cocoa'),
  wrong('a folder with nothing in it', 'enqueue ./empty'),
  wrong('a file that is no captions file', 'enqueue grey.png'),
  wrong('a web address', 'enqueue https://images.cocodataset.org/zips/val2017.zip'),
  wrong('too few drawn pictures', 'enqueue synthetic:2'),
  wrong('two datasets in one folder', 'enqueue ./both'),
  wrong('a prefix with nothing under it', 'enqueue s3://{bucket}/coco'),
  wrong('a server for a folder', 'enqueue ./coco --source-endpoint http://minio:9000'),
  wrong('a folder of photos for a dataset that says so itself', 'enqueue ./coco --photos images'),
  wrong('a split that there is not', `${narrow('./coco')} --split val`),
  wrong('no split at all', 'enqueue ./coco --split ,'),
  wrong('annotations that end early', narrow('./torn')),
  wrong('a web page in place of annotations', narrow('./page')),
  wrong('annotations of another shape', narrow('./shapeless')),
  wrong('an image without id', narrow('./without-id')),
  wrong('a caption that is a number', narrow('./number')),
  wrong('one id for two files', narrow('./twice')),
  wrong('a file name that leads out of the dataset', narrow('./climbing')),
  wrong('captions without images, with `--strict`', `${narrow('./gap')} --strict`),
  wrong('images without captions, with `--strict`', `${narrow('./silent')} --strict`),
  wrong('annotations without photos', narrow('./captions-only')),
  wrong('columns that mean nothing', narrow('./columns')),
  wrong('a quote that does not end', narrow('./quote')),
  wrong('text that is not UTF-8', narrow('./utf16')),
  wrong('a line that is no JSON', narrow('./line')),
  wrong('an absolute path in a captions file', narrow('./absolute')),
  wrong('a caption with a NUL, with `--strict`', `${narrow('./nul')} --strict`),
  wrong("Karpathy's file without its list", narrow('./karpathy')),
  wrong('an archive that is cut short', narrow('./zip-cut')),
  wrong('an encrypted archive', narrow('./zip-encrypted')),
  wrong('an archive with a path that leads out of it', narrow('./zip-climbing')),
];

/** Weights and runs. */
const RUNS: readonly BadInput[] = [
  wrong('weights that are not there', 'enqueue synthetic:8 --weights absent.h5'),
  wrong('a folder in place of weights', 'enqueue synthetic:8 --weights empty'),
  wrong('text in place of weights', 'enqueue synthetic:8 --weights note.txt'),
  wrong('weights that end early', 'enqueue synthetic:8 --weights cut.safetensors'),
  wrong('weights in a bucket', 'enqueue synthetic:8 --weights s3://weights/x.h5'),
  wrong('a model without its description', 'enqueue synthetic:8 --weights alone.onnx'),
  wrong('a description with two things wrong', 'enqueue synthetic:8 --weights wrong.onnx'),
  wrong('calibration where nothing is calibrated', 'enqueue synthetic:8 --calibration-photos 8'),
  wrong('a name that no run may have', `${narrow('synthetic:8')} --run Drawn`),
  wrong('a name that a run with other settings has', 'enqueue synthetic:20 --run drawn --weights other.safetensors'),
  wrong('a base that there is not', `${narrow('synthetic:20')} --base absent`),
  wrong('a base of another encoder', 'enqueue synthetic:20 --base drawn --weights other.safetensors'),
  wrong('a preset that there is not', `${narrow('synthetic:20')} --train sead`),
  wrong('a run that there is not', 'status drwan'),
  wrong('a run that there is not, and no Redis', 'pause drwan', { REDIS_URL: undefined }),
  wrong('a path in place of a run', 'verify ../drawn'),
  wrong('to pause what is complete', 'pause drawn'),
  wrong('the share of what is complete', 'priority drawn 50'),
  wrong('an image that the run has not', 'show drawn 42'),
  wrong('a reason that there is not', 'retry drawn --rejected BLURRED'),
  wrong('to remove what is in use', 'rm drawn --yes'),
  wrong('to remove where nobody can be asked', 'rm waiting'),
  wrong('to remove without knowing the jobs', 'rm waiting --yes', { REDIS_URL: undefined }),
  wrong('to remove a training by the name of a run', 'rm --training drawn'),
  wrong('a run whose jobs are lost', 'status waiting', { SHOWTELL_PREFIX: 'elsewhere' }),
];

/** Records and bodies in the store. */
const DAMAGED: readonly BadInput[] = [
  damaged('request-cut', '`run.json` is cut short', 'status drawn'),
  damaged('plan-of-another-kind', '`plan.json` is another file', 'resume drawn'),
  damaged('plan-newer', '`plan.json` of another version', 'verify drawn'),
  damaged('plan-gone', '`plan.json` is gone', 'verify drawn'),
  damaged('control-wrong', '`control.json` says what it cannot say', 'resume drawn'),
  damaged('commit-cut', 'a commit record is cut short', 'verify drawn'),
  damaged('void-wrong', 'a void record is no JSON', 'verify drawn'),
  damaged('shard-flipped', 'one bit of a shard', 'verify drawn'),
  damaged('captions-flipped', 'one bit of the captions', 'verify drawn'),
  damaged('manifest-gone', 'the manifest is gone, and no finalizer', 'status drawn'),
  damaged('request-cut', 'a record that names others cannot be read', 'gc'),
];

export const OPERATOR: readonly BadInput[] = [...LINES, ...SETTINGS, ...DATASETS, ...RUNS, ...DAMAGED];
