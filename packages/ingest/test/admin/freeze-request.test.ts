import { PREPROCESSING, preprocessingOf } from '@showtell/shared/schema/encoder-identity';
import { checkSameRequest, differences, freezeRequest, type RunRequest } from '../../src/admin/freeze-request';

const request: RunRequest = {
  source: { kind: 'coco', url: 's3://photos/COCO%202017/' },
  splits: ['val', 'train', 'val'],
  weights: {
    encoder: 'inception-v3',
    sha256: 'a'.repeat(64),
    preprocessing: PREPROCESSING,
    dimension: 2048,
    spec: 'bundled',
  },
};

test('splits are sorted and named once; what is left out has its default', () => {
  expect(freezeRequest(request)).toMatchObject({
    splits: ['train', 'val'],
    encoder: 'inception-v3',
    precision: 'float32',
    shardRows: 512,
    microBatch: 32,
    strict: false,
  });
});

test('the same request has the same name, any other has another', () => {
  const { run } = freezeRequest(request);
  expect(run).toMatch(/^coco-2017-[0-9a-f]{8}$/);
  expect(freezeRequest({ ...request, splits: ['train', 'val'] }).run).toBe(run);
  const others: Partial<RunRequest>[] = [
    { splits: ['val'] },
    { shardRows: 100 },
    { microBatch: 8 },
    { precision: 'int8' },
    { strict: true },
    { train: 'seed' },
    { source: { kind: 'coco', url: 's3://photos/COCO%202017/', unsigned: true } },
    { weights: { ...request.weights, sha256: 'b'.repeat(64) } },
    { weights: { ...request.weights, preprocessing: preprocessingOf(224) } },
  ];
  expect(new Set([run, ...others.map((other) => freezeRequest({ ...request, ...other }).run)]).size).toBe(others.length + 1);
});

test('the same weights under another name are the same run', () => {
  const other = { ...request, weights: { ...request.weights, spec: '/elsewhere/weights.h5' } };
  expect(freezeRequest(other).run).toBe(freezeRequest(request).run);
  expect(differences(freezeRequest(request), freezeRequest(other))).toEqual([]);
});

test.each([
  ['synthetic:2000', /^synthetic-2000-[0-9a-f]{8}$/],
  ['file:///data/2017', /^run-2017-[0-9a-f]{8}$/],
  ['s3://bucket', /^bucket-[0-9a-f]{8}$/],
  ['file:///', /^file-[0-9a-f]{8}$/],
  ['file:///%D1%84%D0%BE%D1%82%D0%BE', /^run-[0-9a-f]{8}$/],
])('%s gives a valid name', (url, name) => {
  expect(freezeRequest({ ...request, source: { kind: 'coco', url } }).run).toMatch(name);
});

test.each([[{ shardRows: 0 }], [{ microBatch: 1.5 }], [{ run: 'No Spaces' }], [{ run: '123' }]])('%j is CONFIG_INVALID', (wrong) => {
  expect(() => freezeRequest({ ...request, ...wrong })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }) as Error);
});

test('differences are told one a line, with both values', () => {
  const mine = freezeRequest({ ...request, run: 'mine' });
  const other = freezeRequest({ ...request, run: 'mine', shardRows: 9, train: 'seed' });
  expect(differences(mine, other)).toEqual(['shardRows: the run has 512, asked for 9', 'train: the run has none, asked for "seed"']);
  expect(() => checkSameRequest(mine, other)).toThrow(expect.objectContaining({ code: 'RUN_EXISTS' }) as Error);
});
