import { inspect } from 'node:util';
import { FileStore } from '@showtell/shared/object-store/file';
import { openStore } from '@showtell/shared/object-store/open';
import { S3Store } from '@showtell/shared/object-store/s3';

describe('openStore', () => {
  test.each([
    ['file:///some/where', FileStore, 'file:///some/where'],
    ['file:///with%20space/', FileStore, 'file:///with%20space/'],
    ['s3://bucket', S3Store, 's3://bucket/'],
    ['s3://bucket/a/b/', S3Store, 's3://bucket/a/b'],
    ['s3://images.example.org/x', S3Store, 's3://images.example.org/x'],
  ])('opens %s', (url, kind, address) => {
    const store = openStore(url);
    expect(store).toBeInstanceOf(kind);
    expect(store.url).toBe(address);
  });

  test.each([
    '',
    'folder',
    '/folder',
    'http://host/bucket',
    's3://',
    's3:///prefix',
    's3://bucket/a?b',
    'file://host/share',
    's3://bucket/a/../b',
  ])('refuses %j', (url) => {
    expect(() => openStore(url)).toThrow(expect.objectContaining({ exitCode: 2 }));
  });

  test.each([
    ['s3://key:hidden-secret@bucket/prefix', {}],
    ['s3://bucket', { endpoint: 'http://key:hidden-secret@host' }],
    ['s3://bucket', { endpoint: 'hidden-secret' }],
  ])('refuses credentials in addresses without printing them', (url, options) => {
    expect.assertions(2);
    try {
      openStore(url, options);
    } catch (error) {
      expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
      expect(inspect(error, { depth: 20 })).not.toContain('hidden-secret');
    }
  });
});
