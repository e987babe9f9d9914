import { once } from 'node:events';
import { createServer, get, type IncomingMessage, request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { NO_S3, type S3TestServer, s3TestServer, startS3 } from '../s3-server';
import { type FaultAction, type FaultProxy, startFaultProxy } from './fault-proxy';

const BODY = 'ten bytes!';
const HOUR_MS = 3_600_000;

describe('the fault proxy', () => {
  const seen: IncomingMessage[] = [];
  const server = createServer((asked, response) => {
    seen.push(asked);
    asked.resume().once('end', () => response.writeHead(200, { 'content-length': BODY.length, etag: '"x"' }).end(BODY));
  });
  let proxy: FaultProxy;
  beforeAll(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    proxy = await startFaultProxy({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
  });
  afterAll(async () => {
    await proxy.stop();
    server.closeAllConnections();
    server.close();
  });
  beforeEach(() => {
    proxy.resume();
    proxy.rules.length = proxy.requests.length = seen.length = 0;
  });

  const befall = (action: FaultAction, times?: number) => proxy.rules.push({ action, ...(times !== undefined && { times }) });
  /** What came of a body until it ended, and how it ended. */
  async function ask(path = '/bucket/key', milliseconds = 5_000) {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const asked = get(`${proxy.url}${path}`, { agent: false, signal: AbortSignal.timeout(milliseconds) }, resolve);
      asked.on('error', reject);
    });
    let body = '';
    let error: NodeJS.ErrnoException | undefined;
    answer.on('error', (failure) => (error = failure));
    answer.on('data', (chunk: Buffer) => (body += chunk.toString()));
    await new Promise((resolve) => answer.once('close', resolve));
    return { status: answer.statusCode, headers: answer.headers, body, error };
  }

  test('passes on what no rule befalls, with the host that the client named', async () => {
    expect(await ask()).toMatchObject({ status: 200, body: BODY, error: undefined });
    expect(seen[0]!.headers.host).toBe(`127.0.0.1:${proxy.port}`);
    expect(proxy.requests).toMatchObject([{ method: 'GET', path: '/bucket/key', status: 200 }]);
  });

  test('answers as often as it is told, by method, path and header', async () => {
    proxy.rules.push(
      { match: { method: 'PUT' }, action: { reset: true } },
      { match: { path: /\/other$/ }, action: { reset: true } },
      { match: { header: { range: /bytes/ } }, action: { reset: true } },
      { match: { method: 'GET', path: /\/key$/ }, times: 2, action: { status: 503, code: 'SlowDown' } },
    );
    for (let time = 0; time < 2; time++)
      expect(await ask()).toMatchObject({ status: 503, body: expect.stringContaining('<Code>SlowDown</Code>') as string });
    expect(await ask()).toMatchObject({ status: 200, body: BODY });
    expect(seen).toHaveLength(1);
    expect(proxy.requests.map(({ status }) => status)).toEqual([503, 503, 200]);
    await expect(ask('/bucket/other')).rejects.toMatchObject({ code: 'ECONNRESET' });
  });

  test.each<[FaultAction, object]>([
    [{ cut: 4 }, { body: BODY.slice(0, 4), error: expect.objectContaining({ code: 'ECONNRESET' }) as Error }],
    [{ cut: 0 }, { body: '', error: expect.objectContaining({ code: 'ECONNRESET' }) as Error }],
    [{ truncate: 4 }, { body: BODY.slice(0, 4), error: undefined }],
    [
      { truncate: 4, as: 'length' },
      { body: BODY.slice(0, 4), error: undefined },
    ],
    // Given up here.
    [{ stall: 4 }, { body: BODY.slice(0, 4), error: expect.objectContaining({ message: 'aborted' }) as Error }],
  ])('%j of an answer', async (action, outcome) => {
    befall(action);
    const answer = await ask('/bucket/key', 500);
    expect(answer).toMatchObject(outcome);
    expect(answer.headers['content-length']).toBe('truncate' in action ? action.as && '4' : '10');
  });

  test('an answer that is dropped was given', async () => {
    befall({ dropAnswer: true });
    await expect(ask()).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(seen).toHaveLength(1);
    expect(proxy.requests).toMatchObject([{ status: undefined }]);
  });

  test('one that hangs was not forwarded', async () => {
    befall({ hang: true });
    await expect(ask('/bucket/key', 200)).rejects.toMatchObject({ name: 'AbortError' });
    expect(seen).toHaveLength(0);
  });

  test('an answer comes late, or of another time', async () => {
    befall({ delay: 150 }, 1);
    befall({ date: -HOUR_MS }, 1);
    const begun = performance.now();
    await ask();
    expect(performance.now() - begun).toBeGreaterThan(140);
    const ago = Date.now() - Date.parse((await ask()).headers.date!);
    expect(Math.abs(ago - HOUR_MS)).toBeLessThan(5_000);
  });

  test('a body is forwarded whole', async () => {
    const asked = request(`${proxy.url}/bucket/key`, { method: 'PUT', agent: false });
    asked.end(Buffer.alloc(3_000_000));
    const [answer] = (await once(asked, 'response')) as [IncomingMessage];
    answer.resume();
    expect(answer.statusCode).toBe(200);
  });

  test('connections are cut, hang, and go on', async () => {
    const socket = connect(proxy.port, '127.0.0.1');
    await once(socket, 'connect');
    const reset = once(socket, 'error');
    proxy.cut();
    expect(await reset).toMatchObject([{ code: 'ECONNRESET' }]);
    await expect(ask()).rejects.toMatchObject({ code: 'ECONNRESET' });
    proxy.resume();
    expect(await ask()).toMatchObject({ body: BODY });
    proxy.hang();
    const held = ask();
    await expect(ask('/bucket/key', 200)).rejects.toMatchObject({ name: 'AbortError' });
    proxy.resume();
    expect(await held).toMatchObject({ body: BODY });
  });
});

(s3TestServer() ? describe : describe.skip)(`the fault proxy in front of S3${s3TestServer() ? '' : `: ${NO_S3}`}`, () => {
  let s3: S3TestServer;
  let proxy: FaultProxy;
  let client: S3Client;
  beforeAll(async () => {
    s3 = (await startS3())!;
    proxy = await startFaultProxy({ url: s3.endpoint, credentials: s3.credentials });
    client = new S3Client({ endpoint: proxy.url, credentials: s3.credentials, region: 'us-east-1', forcePathStyle: true, maxAttempts: 1 });
  });
  afterAll(async () => {
    client.destroy();
    await proxy.stop();
    await s3.stop();
  });

  test('signatures hold; a header that is stripped is one the server never saw', async () => {
    const put = (Body: string) => client.send(new PutObjectCommand({ Bucket: s3.bucket, Key: 'a/b c', Body, IfNoneMatch: '*' }));
    await put('first');
    await expect(put('second')).rejects.toMatchObject({ $metadata: { httpStatusCode: 412 } });
    proxy.rules.push({ match: { method: 'PUT' }, action: { stripRequestHeader: 'if-none-match' } });
    await put('second');
    const { Body } = await client.send(new GetObjectCommand({ Bucket: s3.bucket, Key: 'a/b c' }));
    expect(await Body!.transformToString()).toBe('second');
  });
});
