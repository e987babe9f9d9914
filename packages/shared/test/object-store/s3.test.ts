import { CreateMultipartUploadCommand, ListMultipartUploadsCommand, S3Client, UploadPartCommand } from '@aws-sdk/client-s3';
import { S3Store } from '@showtell/shared/object-store/s3';
import { type S3TestServer, startS3 } from '../../../../infra/test/s3-server';
import { describeS3 } from '../describe-s3';
import { describeStore, leftoversOf } from './contract';

describeS3('S3Store, as every store', () => {
  describeStore(async () => {
    const server = (await startS3())!;
    const options = { endpoint: server.endpoint, credentials: server.credentials };
    const store = new S3Store(server.bucket, 'some/prefix', options);
    const other = new S3Store(server.bucket, '/some/prefix/', options);
    return {
      store,
      other,
      async stop() {
        await store.close();
        await other.close();
        await server.stop();
      },
    };
  });
});

describeS3('S3Store on a real server', () => {
  let server: S3TestServer;
  const stores: S3Store[] = [];
  const open = (bucket = server.bucket, secretAccessKey = server.credentials.secretAccessKey) => {
    const store = new S3Store(bucket, 'prefix', {
      endpoint: server.endpoint,
      credentials: { accessKeyId: server.credentials.accessKeyId, secretAccessKey },
    });
    stores.push(store);
    return store;
  };
  const everyCall = (store: S3Store) => [
    () => store.get('x'),
    () => store.stream('x'),
    () => store.head('x'),
    () => store.put('x', Buffer.from('x')),
    () => store.upload('x', Buffer.alloc(2 ** 24)),
    () => store.putIfAbsent('x', Buffer.from('x')),
    () => store.replace('x', Buffer.from('x'), '"00000000000000000000000000000000"'),
    () => store.list('x')[Symbol.asyncIterator]().next(),
    () => store.delete('x'),
    () => store.probe(),
  ];

  beforeAll(async () => {
    server = (await startS3())!;
  });
  afterAll(async () => {
    for (const store of stores) await store.close();
    await server.stop();
  });

  test('every call on a bucket that does not exist is NO_SUCH_BUCKET', async () => {
    for (const call of everyCall(open('there-is-no-such-bucket')))
      await expect(call()).rejects.toMatchObject({
        code: 'NO_SUCH_BUCKET',
        message: expect.stringContaining('s3://there-is-no-such-bucket/prefix') as string,
      });
  });

  test('every call with a wrong secret is STORE_DENIED', async () => {
    for (const call of everyCall(open(server.bucket, 'wrong'))) await expect(call()).rejects.toMatchObject({ code: 'STORE_DENIED' });
  });

  test('keeps to its prefix', async () => {
    const [inner, outer] = [open(), new S3Store(server.bucket, 'pre', { endpoint: server.endpoint, credentials: server.credentials })];
    stores.push(outer);
    await inner.put('a', Buffer.from('inner'));
    expect(await outer.list('')[Symbol.asyncIterator]().next()).toMatchObject({ done: true });
    expect(await outer.head('fix/a')).toBeUndefined();
  });

  test('an aborted upload leaves neither an object nor its pieces', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const client = new S3Client({ ...server, region: 'us-east-1', forcePathStyle: true });
    const unfinished = async () => (await client.send(new ListMultipartUploadsCommand({ Bucket: server.bucket }))).Uploads?.length ?? 0;
    const upload = open().upload('large', Buffer.alloc(2 ** 26), { signal: controller.signal });
    const ended = upload.catch((error: unknown) => error);
    for (const last = Date.now() + 10_000; (await unfinished()) === 0 && Date.now() < last; );
    controller.abort(reason);
    expect(await ended).toBe(reason);
    for (const last = Date.now() + 10_000; (await unfinished()) > 0 && Date.now() < last; );
    expect(await unfinished()).toBe(0);
    expect(await open().head('large')).toBeUndefined();
    client.destroy();
  });

  test('pieces of an upload that was never completed are leftovers; removing them leaves the object of that name', async () => {
    const store = open();
    await store.put('weights/x', Buffer.from('whole'));
    const client = new S3Client({ ...server, region: 'us-east-1', forcePathStyle: true });
    const where = { Bucket: server.bucket, Key: 'prefix/weights/x' };
    const { UploadId } = await client.send(new CreateMultipartUploadCommand(where));
    await client.send(new UploadPartCommand({ ...where, UploadId, PartNumber: 1, Body: Buffer.alloc(5_000_000) }));
    await client.send(new CreateMultipartUploadCommand({ ...where, Key: 'elsewhere/y' }));
    const found = await leftoversOf(store);
    expect(found).toMatchObject([{ key: 'weights/x', bytes: 5_000_000 }]);
    expect(Math.abs(found[0]!.lastModified.valueOf() - Date.now())).toBeLessThan(60_000);
    await store.removeLeftover(found[0]!);
    await store.removeLeftover(found[0]!);
    expect(await leftoversOf(store)).toEqual([]);
    expect((await store.get('weights/x'))!.body.toString()).toBe('whole');
    client.destroy();
  });
});
