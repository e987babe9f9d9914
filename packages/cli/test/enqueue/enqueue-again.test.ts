import type { RunRecord } from '@showtell/shared/schema/run';
import { enqueueAgain } from '../../src/enqueue/enqueue-again';

const plain: RunRecord = {
  formatVersion: 1,
  run: 'drawn',
  source: { kind: 'synthetic', url: 'synthetic:20' },
  splits: [],
  encoder: 'inception-v3',
  weights: 'bundled',
  weightsSha256: 'a'.repeat(64),
  dimension: 2_048,
  preprocessing: 'centre-square-299-linear-v1',
  precision: 'float32',
  shardRows: 512,
  microBatch: 32,
  strict: false,
};

test('a run with defaults is source and name', () => {
  expect(enqueueAgain(plain)).toBe('showtell enqueue synthetic:20 --run drawn');
});

test('whatever was asked for stands in it, quoted for the shell', () => {
  const asked: RunRecord = {
    ...plain,
    source: { kind: 'coco', url: 'file:///photos/ada%27s%20coco', endpoint: 'http://minio:9000', unsigned: true },
    splits: ['train', 'val'],
    weights: 'my weights.h5',
    precision: 'int8',
    shardRows: 64,
    strict: true,
    base: 'drawn-before',
    train: 'seed',
  };
  expect(enqueueAgain(asked)).toBe(
    `showtell enqueue '/photos/ada'\\''s coco/annotations' --run drawn --split train,val --shard-rows 64 --weights 'my weights.h5' --precision int8 --base drawn-before --train seed --strict --source-endpoint http://minio:9000 --no-sign-request`,
  );
});

test.each(['coco', 'coco-zip'] as const)('%s is named so that nothing else in its folder can be meant', (kind) => {
  const source = { kind, url: 's3://photos/all' };
  expect(enqueueAgain({ ...plain, source })).toBe('showtell enqueue s3://photos/all/annotations --run drawn');
});

test.each([
  ['file:///photos/flickr8k', 'captions.txt', '/photos/flickr8k/captions.txt'],
  ['s3://photos/flickr8k', 'dataset_flickr8k.json', 's3://photos/flickr8k/dataset_flickr8k.json --photos Flicker8k_Dataset'],
  ['s3://photos/drawn', '*/metadata.csv', "'s3://photos/drawn/*/metadata.csv'"],
])('a dataset with a captions file is named by it: %s', (url, captions, named) => {
  const [, photos] = named.split(' --photos ');
  const source: RunRecord['source'] = { kind: 'captions', url, captions, ...(photos !== undefined && { photos }) };
  const command = enqueueAgain({ ...plain, source });
  expect(command).toBe(`showtell enqueue ${named.split(' ')[0]} --run drawn${photos === undefined ? '' : ` --photos ${photos}`}`);
});
