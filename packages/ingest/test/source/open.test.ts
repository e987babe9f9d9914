import { pathToFileURL } from 'node:url';
import { openDataset } from '../../src/source/open';

test.each([
  ['coco', { kind: 'coco', url: 'file:///data/coco' }],
  ['./coco/', { kind: 'coco', url: 'file:///data/coco' }],
  ['/a b/100%/c#d', { kind: 'coco', url: pathToFileURL('/a b/100%/c#d').href }],
  ['file:///data/coco/', { kind: 'coco', url: 'file:///data/coco' }],
  ['s3://bucket/prefix//', { kind: 'coco', url: 's3://bucket/prefix' }],
  ['s3://bucket', { kind: 'coco', url: 's3://bucket' }],
  ['synthetic:200', { kind: 'synthetic', url: 'synthetic:200' }],
])('%s has one address', (text, address) => {
  expect(openDataset(text, { cwd: '/data' }).address).toEqual(address);
});

test('how to reach the bucket is part of the address, of nothing else', () => {
  const options = { endpoint: 'http://localhost:9000', unsigned: true };
  expect(openDataset('s3://b', options).address).toEqual({ kind: 'coco', url: 's3://b', ...options });
  expect(openDataset('/d', options).address).toEqual({ kind: 'coco', url: 'file:///d' });
  expect(openDataset('s3://b', { unsigned: false }).address).toEqual({ kind: 'coco', url: 's3://b' });
});

test.each(['', 'http://host/coco', 'gs://b', 's3://key:sesame@bucket/p'])('%j is refused, and no secret is told', (text) => {
  expect(() => openDataset(text)).toThrow(expect.objectContaining({ code: 'USAGE', message: expect.not.stringContaining('sesame') }));
});
