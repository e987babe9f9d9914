import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { inspect } from 'node:util';
import { commit } from '@showtell/shared/commit';
import { S3Store, type S3StoreOptions } from '@showtell/shared/object-store/s3';
import { answer, etagOf, type FaultServer, fail, ORDINARY, startFaultServer } from './fault-server';

const SECRET = 'do-not-print-this-secret';
const BODY = Buffer.from('0123456789'.repeat(1_000));

let server: FaultServer;
let store: S3Store;

const open = (options: S3StoreOptions = {}) =>
  new S3Store('bucket', 'prefix', {
    endpoint: server.endpoint,
    credentials: { accessKeyId: 'key-id', secretAccessKey: SECRET },
    deadlineMs: 3_000,
    attemptMs: 300,
    ...options,
  });

const puts = () => server.requests.filter(({ method }) => method === 'PUT');

async function collect(stream: AsyncIterable<unknown> | undefined): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream!) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

beforeEach(async () => {
  server = await startFaultServer();
  server.objects.set('prefix/object', BODY);
  store = open();
});
afterEach(async () => {
  await store.close();
  await server.stop();
});

describe('a store that fails for a while', () => {
  test.each([
    [500, 'InternalError'],
    [503, 'SlowDown'],
    [502, 'BadGateway'],
    [429, 'TooManyRequests'],
    [400, 'RequestTimeout'],
    [409, 'ConditionalRequestConflict'],
  ])('%i %s is tried again until it succeeds', async (status, code) => {
    server.fault = ({ before }, response) => (before % 3 === 2 ? ORDINARY : fail(response, status, code));
    expect(await store.putIfAbsent('new', BODY)).toEqual({ created: true, etag: etagOf(BODY) });
    expect((await store.get('new'))!.body.equals(BODY)).toBe(true);
    expect(server.requests).toHaveLength(6);
  });

  test('a connection that is reset is tried again', async () => {
    server.fault = ({ before }, response) => (before === 2 ? ORDINARY : response.destroy());
    await store.put('new', BODY);
    expect(puts()).toHaveLength(3);
  });

  test('is STORE_UNREACHABLE when it fails longer than the deadline', async () => {
    server.fault = (_request, response) => fail(response, 503, 'ServiceUnavailable');
    store = open({ deadlineMs: 800 });
    await expect(store.put('new', BODY)).rejects.toMatchObject({
      code: 'STORE_UNREACHABLE',
      retryable: true,
      exitCode: 4,
      message: `PutObject of "new" in s3://bucket/prefix at ${server.endpoint} failed: ServiceUnavailable (HTTP 503): It said ServiceUnavailable`,
    });
    expect(puts().length).toBeGreaterThan(1);
  });

  test('that never answers is STORE_UNREACHABLE, each attempt given up in its time', async () => {
    server.fault = () => undefined;
    const calls = [
      () => store.get('object'),
      () => store.stream('object'),
      () => store.head('object'),
      () => store.put('object', BODY),
      () => store.upload('object', BODY),
      () => store.putIfAbsent('object', BODY),
      () => store.replace('object', BODY, '"x"'),
      () => store.list('')[Symbol.asyncIterator]().next(),
      () => store.delete('object'),
      () => store.probe(),
    ];
    await store.close();
    store = open({ deadlineMs: 2_000, attemptMs: 300 });
    await Promise.all(calls.map((call) => expect(call()).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' })));
    expect(server.requests.length).toBeGreaterThan(calls.length);
  });

  test('at whose address nobody listens is STORE_UNREACHABLE', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const { port } = closed.address() as AddressInfo;
    closed.close();
    store = open({ endpoint: `http://127.0.0.1:${port}`, deadlineMs: 300 });
    await expect(store.get('object')).rejects.toMatchObject({
      code: 'STORE_UNREACHABLE',
      message: expect.stringContaining('ECONNREFUSED') as string,
    });
  });

  test('is left alone after an abort, and the reason is what comes out', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    server.fault = (_request, response) => {
      controller.abort(reason);
      fail(response, 500, 'InternalError');
      return undefined;
    };
    await expect(store.put('new', BODY, { signal: controller.signal })).rejects.toBe(reason);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(puts()).toHaveLength(1);
  });

  test('an abort ends a call that hangs', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    server.fault = () => controller.abort(reason);
    store = open({ deadlineMs: 60_000, attemptMs: 60_000 });
    await expect(store.get('object', { signal: controller.signal })).rejects.toBe(reason);
  });
});

describe('a body that is cut off', () => {
  const head = (length?: number) => ({
    etag: etagOf(BODY),
    'last-modified': new Date().toUTCString(),
    ...(length === undefined ? {} : { 'content-length': length }),
  });

  test('with a Content-Length is read again', async () => {
    server.fault = ({ before }, response) => {
      if (before > 0) return ORDINARY;
      response.writeHead(200, head(BODY.length)).write(BODY.subarray(0, 5_000), () => response.destroy());
      return undefined;
    };
    expect((await store.get('object'))!.body.equals(BODY)).toBe(true);
  });

  test('with a Content-Length, every time, is CORRUPT_OBJECT', async () => {
    server.fault = (_request, response) =>
      response.writeHead(200, head(BODY.length)).write(BODY.subarray(0, 5_000), () => response.destroy());
    await expect(store.get('object')).rejects.toMatchObject({
      code: 'CORRUPT_OBJECT',
      retryable: true,
      message: expect.stringMatching(/"object".*expected 10000 bytes but received 5000, 3 times$/) as string,
    });
    expect(server.requests).toHaveLength(3);
  });

  test('without one, which HTTP itself takes for whole, is CORRUPT_OBJECT', async () => {
    server.fault = ({ method }, response) => (method === 'HEAD' ? ORDINARY : response.writeHead(200, head()).end(BODY.subarray(0, 5_000)));
    await expect(store.get('object')).rejects.toMatchObject({
      code: 'CORRUPT_OBJECT',
      message: expect.stringContaining('expected 10000 bytes but received 5000') as string,
    });
  });

  test('in a stream is gone on with where it broke', async () => {
    server.fault = ({ before, headers }, response) => {
      if (before === 0) response.writeHead(200, head(BODY.length)).write(BODY.subarray(0, 4_000), () => response.destroy());
      else if (before === 1) response.writeHead(206, head(6_000)).write(BODY.subarray(4_000, 7_000), () => response.destroy());
      else expect(headers).toMatchObject({ range: 'bytes=7000-9999', 'if-match': etagOf(BODY) });
      return before > 1 ? ORDINARY : undefined;
    };
    expect((await collect(await store.stream('object'))).equals(BODY)).toBe(true);
  });

  test('in a stream, every time, is CORRUPT_OBJECT', async () => {
    server.fault = ({ headers }, response) =>
      response
        .writeHead(headers.range ? 206 : 200, head(headers.range ? 6_000 : BODY.length))
        .write(headers.range ? Buffer.alloc(0) : BODY.subarray(0, 4_000), () => response.destroy());
    await expect(collect(await store.stream('object'))).rejects.toMatchObject({ code: 'CORRUPT_OBJECT' });
  });

  test('in a stream that stands still is given up', async () => {
    server.fault = ({ headers }, response) =>
      response
        .writeHead(headers.range ? 206 : 200, head(headers.range ? 6_000 : BODY.length))
        .write(headers.range ? '' : BODY.subarray(0, 4_000));
    await expect(collect(await store.stream('object'))).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' });
  });

  test('or stands still is STORE_UNREACHABLE', async () => {
    store = open({ deadlineMs: 600, attemptMs: 200 });
    server.fault = (_request, response) => response.writeHead(200, head(BODY.length)).write(BODY.subarray(0, 5_000));
    await expect(store.get('object')).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' });
  });

  test('but comes slowly is read to its end', async () => {
    store = open({ deadlineMs: 3_000, attemptMs: 500 });
    server.fault = (_request, response) => {
      response.writeHead(200, head(BODY.length));
      let sent = 0;
      const timer = setInterval(() => {
        response.write(BODY.subarray(sent, (sent += 1_000)));
        if (sent === BODY.length) {
          clearInterval(timer);
          response.end();
        }
      }, 80);
      return undefined;
    };
    expect((await store.get('object'))!.body.equals(BODY)).toBe(true);
    expect(server.requests).toHaveLength(1);
  });

  test('because the server knows no ranges is CORRUPT_OBJECT', async () => {
    server.fault = (request, response) => answer(server.objects, { ...request, headers: {} }, response);
    await expect(store.get('object', { range: { start: 0, end: 4 } })).rejects.toMatchObject({ code: 'CORRUPT_OBJECT' });
  });
});

describe('an answer that is lost after the write', () => {
  const applyThenDrop = (times: number) => {
    server.fault = (request, response) => {
      if (request.method !== 'PUT' || puts().length > times) return ORDINARY;
      server.objects.set(request.key, request.body);
      return response.destroy();
    };
  };

  test('of putIfAbsent leaves it open who created, and commit gives back the record', async () => {
    applyThenDrop(1);
    expect(await commit(store, { parts: [], recordKey: 'record', record: BODY })).toEqual({ outcome: 'exists', body: BODY });
    server.requests.length = 0;
    expect(await store.putIfAbsent('new', BODY)).toEqual({ created: false });
    expect((await store.get('new'))!.body.equals(BODY)).toBe(true);
  });

  test('of replace is found out by reading', async () => {
    const { etag } = (await store.get('object'))!;
    applyThenDrop(1);
    const ours = Buffer.from('ours');
    expect(await store.replace('object', ours, etag)).toEqual({ replaced: true, etag: etagOf(ours) });
    server.requests.length = 0;
    server.fault = (request, response) => {
      if (request.method !== 'PUT' || puts().length > 1) return ORDINARY;
      server.objects.set(request.key, Buffer.from('of another'));
      return response.destroy();
    };
    expect(await store.replace('object', Buffer.from('lost'), etagOf(ours))).toEqual({ replaced: false });
  });
});

describe('a store without conditional writes', () => {
  test.each(['if-none-match', 'if-match'])('that ignores %s is UNSAFE_STORE', async (header) => {
    server.fault = (request, response) =>
      answer(server.objects, { ...request, headers: { ...request.headers, [header]: undefined } }, response);
    await expect(store.probe()).rejects.toMatchObject({ code: 'UNSAFE_STORE', exitCode: 4 });
  });

  test('that says so is UNSAFE_STORE', async () => {
    server.fault = ({ headers }, response) => (!headers['if-none-match'] ? ORDINARY : fail(response, 501, 'NotImplemented'));
    await expect(store.probe()).rejects.toMatchObject({ code: 'UNSAFE_STORE' });
  });

  test('one with them is let through, and its probe object is written once', async () => {
    await store.probe();
    await store.probe();
    expect([...server.objects.keys()]).toEqual(['prefix/object', 'prefix/probe/conditional-writes']);
  });

  test.each([503, 500])('one with them that fails for a while with %i is let through', async (status) => {
    const failed = new Set<string>();
    server.fault = ({ headers }, response) => {
      const condition = headers['if-match'] ?? headers['if-none-match'] ?? '';
      if (failed.has(condition)) return ORDINARY;
      failed.add(condition);
      return fail(response, status, 'InternalError');
    };
    await store.probe();
    expect([...failed].filter((condition) => condition !== '')).toHaveLength(2);
  });
});

describe('a store that refuses', () => {
  test.each([
    [403, 'AccessDenied', 'STORE_DENIED'],
    [403, 'InvalidAccessKeyId', 'STORE_DENIED'],
    [403, 'SignatureDoesNotMatch', 'STORE_DENIED'],
    [401, 'Unauthorized', 'STORE_DENIED'],
    [400, 'AuthorizationHeaderMalformed', 'STORE_DENIED'],
    [404, 'NoSuchBucket', 'NO_SUCH_BUCKET'],
    [400, 'InvalidBucketName', 'NO_SUCH_BUCKET'],
  ])('with %i %s is %s at once, naming operation, bucket and prefix and no secret', async (status, code, expected) => {
    const signed = `<StringToSign>${SECRET}</StringToSign><AWSAccessKeyId>key-id</AWSAccessKeyId>`;
    server.fault = (_request, response) => fail(response, status, code, signed);
    const calls = [
      ['GetObject', () => store.get('x')],
      ['PutObject', () => store.putIfAbsent('x', BODY)],
      ['PutObject', () => store.replace('x', BODY, '"x"')],
      ['PutObject', () => store.upload('x', BODY)],
      ['ListObjectsV2', () => store.list('x')[Symbol.asyncIterator]().next()],
      ['DeleteObject', () => store.delete('x')],
    ] as const;
    for (const [operation, call] of calls) {
      const error: unknown = await call().then(
        () => undefined,
        (reason: unknown) => reason,
      );
      expect(error).toMatchObject({ code: expected, retryable: false, exitCode: 4 });
      expect((error as Error).message).toContain(
        `${operation} of "x" in s3://bucket/prefix at ${server.endpoint} failed: ${code} (HTTP ${status})`,
      );
      const printed = inspect(error, { depth: 20, showHidden: true }) + JSON.stringify(error);
      expect(printed).not.toContain(SECRET);
      expect(printed).not.toMatch(/Signature=|AWS4-HMAC|key-id/);
    }
    expect(server.requests).toHaveLength(calls.length);
  });

  test('a PUT answered 404 is never success', async () => {
    server.fault = (_request, response) => response.writeHead(404).end();
    for (const call of [
      () => store.put('x', BODY),
      () => store.putIfAbsent('x', BODY),
      () => store.upload('x', BODY),
      () => store.replace('x', BODY, '"x"'),
    ])
      await expect(call()).rejects.toMatchObject({ code: 'NO_SUCH_BUCKET' });
  });

  test('a PUT answered 200 by something that is no S3 server is no success', async () => {
    server.fault = (_request, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Log in</h1>');
    await expect(store.put('x', BODY)).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' });
  });

  test('a HEAD answered 404 tells a missing bucket from a missing object', async () => {
    server.fault = (_request, response) => response.writeHead(404).end();
    await expect(store.head('x')).rejects.toMatchObject({ code: 'NO_SUCH_BUCKET' });
    server.fault = ({ key }, response) => response.writeHead(key === '' ? 200 : 404).end();
    expect(await store.head('x')).toBeUndefined();
  });

  test('without credentials is STORE_DENIED', async () => {
    const before = { ...process.env };
    for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) delete process.env[name];
    Object.assign(process.env, { AWS_EC2_METADATA_DISABLED: 'true', AWS_SHARED_CREDENTIALS_FILE: '/none', AWS_CONFIG_FILE: '/none' });
    try {
      store = open({ credentials: undefined });
      await expect(store.get('object')).rejects.toMatchObject({
        code: 'STORE_DENIED',
        hint: expect.stringContaining('AWS_ACCESS_KEY_ID') as string,
      });
      expect(server.requests).toHaveLength(0);
      // A public bucket is read without any.
      const unsigned = open({ credentials: undefined, unsigned: true });
      expect((await unsigned.get('object'))!.body.equals(BODY)).toBe(true);
      expect(server.requests[0]!.headers.authorization).toBeUndefined();
      await unsigned.close();
    } finally {
      for (const name of Object.keys(process.env)) delete process.env[name];
      Object.assign(process.env, before);
    }
  });
});

describe('clocks', () => {
  const skewed = (hours: number): FaultServer['fault'] => {
    return ({ headers }, response) => {
      const stamp = String(headers['x-amz-date']);
      const signed = Date.parse(stamp.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
      const time = new Date(Date.now() + hours * 3_600_000);
      if (Math.abs(signed - time.valueOf()) < 900_000) return ORDINARY;
      return fail(response, 403, 'RequestTimeTooSkewed', `<ServerTime>${time.toISOString()}</ServerTime>`, {
        date: time.toUTCString(),
      });
    };
  };

  test('an hour apart are corrected by the answer', async () => {
    server.fault = skewed(1);
    expect((await store.get('object'))!.body.equals(BODY)).toBe(true);
    expect(server.requests).toHaveLength(2);
    server.fault = skewed(-1);
    await store.put('object', BODY);
  });

  test('an hour apart are corrected also where a HEAD is the first to be refused, whose answer has no body', async () => {
    server.fault = skewed(1);
    expect(await store.head('object')).toMatchObject({ bytes: BODY.length });
    expect(server.requests.map(({ method }) => method)).toEqual(['HEAD', 'HEAD']);
  });

  test('that stay apart are CLOCK_SKEW with both times', async () => {
    server.fault = (_request, response) => fail(response, 403, 'RequestTimeTooSkewed', '<ServerTime>2030-01-02T03:04:05Z</ServerTime>');
    await expect(store.get('object')).rejects.toMatchObject({
      code: 'CLOCK_SKEW',
      retryable: false,
      message: expect.stringMatching(/the clock here says 20\d\d-.*Z, the store's 2030-01-02T03:04:05.000Z$/) as string,
    });
  });
});

test('keys are asked for in a form that XML can hold, and are listed as they are', async () => {
  const asked: string[] = [];
  const page = (content: string) =>
    `<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>${content}</ListBucketResult>`;
  server.fault = ({ query }, response) => {
    asked.push(query.get('encoding-type') ?? '');
    const listed = query.has('delimiter')
      ? '<CommonPrefixes><Prefix>prefix/caf%C3%A9+%2B%25/</Prefix></CommonPrefixes>'
      : '<Contents><Key>prefix/%1B%5B2J+a%2Bb%2541</Key><Size>3</Size><ETag>"e"</ETag></Contents>';
    response.writeHead(200, { 'content-type': 'application/xml' }).end(page(listed));
  };
  const keys: string[] = [];
  for await (const { key } of store.list('')) keys.push(key);
  for await (const name of store.folders('')) keys.push(name);
  expect(keys).toEqual(['\u001b[2J a+b%41', 'café +%']);
  expect(asked).toEqual(['url', 'url']);
});
