import { S3Store } from '@showtell/shared/object-store/s3';
import { type FaultServer, fail, ORDINARY, startFaultServer } from './fault-server';

const BODY = Buffer.from('an object');

let server: FaultServer;
let store: S3Store;
beforeEach(async () => {
  server = await startFaultServer();
  server.objects.set('prefix/object', BODY);
  store = new S3Store('bucket', 'prefix', {
    endpoint: server.endpoint,
    credentials: { accessKeyId: 'key-id', secretAccessKey: 'do-not-print-this-secret' },
    deadlineMs: 3_000,
    attemptMs: 300,
  });
});
afterEach(async () => {
  await store.close();
  await server.stop();
});

describe('a store that says of what is absent that it is forbidden, as AWS to who may not list', () => {
  beforeEach(() => {
    server.fault = ({ method, key }, response) => {
      if (method === 'PUT' || server.objects.has(key)) return ORDINARY;
      if (method === 'HEAD') return void response.writeHead(403).end();
      return fail(response, 403, 'AccessDenied');
    };
  });

  test('is understood by who has probed it', async () => {
    await store.probe();
    expect(await store.get('absent')).toBeUndefined();
    expect(await store.head('absent')).toBeUndefined();
    expect(await store.stream('absent')).toBeUndefined();
    expect((await store.get('object'))!.body).toEqual(BODY);
  });

  test('to all others it is a refusal', async () => {
    await expect(store.get('absent')).rejects.toMatchObject({ code: 'STORE_DENIED' });
    // A HEAD is answered without a word.
    await expect(store.head('absent')).rejects.toMatchObject({
      code: 'STORE_DENIED',
      message: expect.stringMatching(/failed: HTTP 403$/) as string,
    });
  });

  test('a write that is forbidden stays so, and so do credentials that are wrong by now', async () => {
    await store.probe();
    server.fault = (_request, response) => fail(response, 403, 'AccessDenied');
    await expect(store.put('object', BODY)).rejects.toMatchObject({ code: 'STORE_DENIED' });
    await expect(store.putIfAbsent('object', BODY)).rejects.toMatchObject({ code: 'STORE_DENIED' });
    await expect(store.delete('object')).rejects.toMatchObject({ code: 'STORE_DENIED' });
    server.fault = (_request, response) => fail(response, 403, 'SignatureDoesNotMatch');
    await expect(store.get('object')).rejects.toMatchObject({ code: 'STORE_DENIED' });
  });
});

test('where what is absent is told as such, what is forbidden is refused', async () => {
  await store.probe();
  server.fault = ({ key }, response) => (key === 'prefix/secret' ? fail(response, 403, 'AccessDenied') : ORDINARY);
  await expect(store.get('secret')).rejects.toMatchObject({ code: 'STORE_DENIED' });
  expect(await store.get('absent')).toBeUndefined();
});
