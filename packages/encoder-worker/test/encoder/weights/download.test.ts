import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256 } from '@showtell/shared/hash';
import { describeOnSmallDisk } from '../../../../shared/test/small-disk';
import { type DownloadOptions, download } from '../../../src/encoder/weights/download';
import { type FileServer, file, startFileServer, status } from './file-server';

const BODY = createHash('shake256', { outputLength: 300_000 }).update('weights').digest();
const OTHER = createHash('shake256', { outputLength: 250_000 }).update('other weights').digest();
const EXPECTED = { algorithm: 'sha256', hex: sha256(BODY) } as const;
const A = { etag: '"a"' };

describe('download', () => {
  let folder: string;
  let server: FileServer;
  beforeAll(async () => {
    server = await startFileServer();
  });
  afterAll(() => server.close());
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'showtell-download-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const fetchFile = ({ limits, onProgress, ...options }: Partial<DownloadOptions> = {}, url = server.url) =>
    download(url, {
      folder,
      name: 'weights.h5',
      limits: { attempts: 3, waitMs: 2, quietMs: 500, ...limits },
      onProgress: (done, total) => {
        onProgress?.(done, total);
        server.received(done);
      },
      ...options,
    });
  const expectFile = async (path: string, body = BODY) => {
    expect(path).toBe(join(folder, 'weights.h5'));
    expect((await readFile(path)).equals(body)).toBe(true);
    expect((await readdir(folder)).sort()).toEqual(['weights.h5', 'weights.h5.json']);
  };
  const ranges = () => server.requests.map(({ headers }) => headers.range);
  const failure = async (attempt: Promise<string>): Promise<unknown> =>
    attempt.then(
      () => 'it was fetched',
      (error: unknown) => error,
    );

  test('a whole file, with progress; what is expected and there is not asked for again', async () => {
    server.answer(file(BODY, A));
    const progress: [number, number | undefined][] = [];
    await expectFile(await fetchFile({ expected: EXPECTED, onProgress: (done, total) => progress.push([done, total]) }));
    expect(progress.at(-1)).toEqual([BODY.length, BODY.length]);
    expect(server.requests[0]!.headers).toMatchObject({ 'accept-encoding': 'identity' });
    await fetchFile({ expected: EXPECTED });
    expect(server.requests).toHaveLength(1);
  });

  test('a broken connection: goes on where it broke', async () => {
    server.answer(file(BODY, { ...A, upTo: 100_000 }), file(BODY, { ...A, upTo: 200_000 }), file(BODY, A));
    await expectFile(await fetchFile({ expected: EXPECTED }));
    expect(ranges()).toEqual([undefined, 'bytes=100000-', 'bytes=200000-']);
    expect(server.requests[1]!.headers['if-range']).toBe('"a"');
  });

  test('more interruptions than tries, as long as each brings something', async () => {
    server.answer(...[50, 100, 150, 200, 250].map((thousands) => file(BODY, { ...A, upTo: thousands * 1_000 })), file(BODY, A));
    await expectFile(await fetchFile());
    expect(server.requests).toHaveLength(6);
  });

  test('interrupted by a person: the next program goes on', async () => {
    server.answer(file(BODY, { ...A, upTo: 120_000, hangs: true }));
    const stop = new AbortController();
    const onProgress = (done: number) => {
      if (done === 120_000) stop.abort(new Error('Ctrl-C'));
    };
    await expect(fetchFile({ signal: stop.signal, onProgress })).rejects.toThrow('Ctrl-C');
    server.answer(file(BODY, A));
    await expectFile(await fetchFile());
    expect(ranges()).toEqual(['bytes=120000-']);
  });

  test('another version on the server meanwhile: from the beginning, and the old one is gone', async () => {
    server.answer(file(BODY, { ...A, upTo: 120_000 }), file(OTHER, { etag: '"b"' }));
    await expectFile(await fetchFile(), OTHER);
    expect(server.requests).toHaveLength(2);
  });

  test.each([
    ['without ranges', { ...A, ranges: false }, 'bytes=100000-'],
    ['that says nothing of versions', {}, undefined],
    ['that has a date only', { lastModified: 'Mon, 01 Jan 2024 00:00:00 GMT' }, 'bytes=100000-'],
    ['that does not say how long a file is', { ...A, announce: false }, 'bytes=100000-'],
  ])('a server %s', async (_, served, range) => {
    server.answer(file(BODY, { ...served, upTo: 100_000 }), file(BODY, served));
    await expectFile(await fetchFile({ expected: EXPECTED }));
    expect(ranges()).toEqual([undefined, range]);
  });

  test('a partial file that the server cannot go on with is dropped', async () => {
    server.answer(file(BODY, { ...A, upTo: 100_000 }), status(416), file(BODY, A));
    await expectFile(await fetchFile());
    expect(ranges()).toEqual([undefined, 'bytes=100000-', undefined]);
  });

  test('a rest that begins elsewhere is not taken', async () => {
    server.answer(
      file(BODY, { ...A, upTo: 100_000 }),
      (_, response) => response.writeHead(206, { 'content-range': `bytes 99999-299999/300000` }).end(BODY.subarray(99_999)),
      file(BODY, A),
    );
    await expectFile(await fetchFile());
    expect(ranges()).toEqual([undefined, 'bytes=100000-', undefined]);
  });

  test('a server that falls silent', async () => {
    server.answer(file(BODY, { ...A, upTo: 100_000, hangs: true }), file(BODY, A));
    await expectFile(await fetchFile());
    expect(ranges()).toEqual([undefined, 'bytes=100000-']);
    server.answer(() => {});
    expect(await failure(fetchFile({}, new URL('/silent', server.url)))).toMatchObject({
      code: 'DOWNLOAD_FAILED',
      message: expect.stringContaining('failed 3 times: the server sent nothing for too long') as string,
    });
  });

  test('a server in trouble is asked again; its last word is told, and what to do', async () => {
    server.answer(status(503), status(429), file(BODY, A));
    await expectFile(await fetchFile());
    server.answer(file(OTHER, { etag: '"b"', upTo: 1_000 }), status(500));
    expect(await failure(fetchFile({ name: 'other.h5' }))).toMatchObject({
      code: 'DOWNLOAD_FAILED',
      retryable: true,
      message: expect.stringContaining('the server answered 500') as string,
      hint: 'Do the same again: it goes on after the 1000 bytes that are there.',
    });
  });

  test.each([
    [404, 'Check the address.'],
    [403, 'The address may need credentials, or have expired.'],
  ])('%i is said at once', async (code, hint) => {
    server.answer(status(code));
    const url = new URL(`http://ada:secret@${server.url.host}/gone.h5?signature=secret`);
    const error = await failure(fetchFile({}, url));
    expect(error).toMatchObject({ code: 'DOWNLOAD_FAILED', retryable: false, hint });
    expect((error as Error).message).toBe(`http://${server.url.host}/gone.h5 cannot be fetched: the server answered ${code}`);
    expect(server.requests).toHaveLength(1);
    expect(server.requests[0]!.headers.authorization).toBe(`Basic ${Buffer.from('ada:secret').toString('base64')}`);
    expect(server.requests[0]!.url).toBe('/gone.h5?signature=secret');
    expect(await readdir(folder)).toEqual([]);
  });

  test('another file than expected, also where one is there: nothing of it is left', async () => {
    server.answer(file(OTHER, A));
    expect(await failure(fetchFile({ expected: EXPECTED }))).toMatchObject({
      code: 'WEIGHTS_INVALID',
      message: `Expected sha256 ${EXPECTED.hex} for weights.h5 but received ${sha256(OTHER)}`,
    });
    expect(await readdir(folder)).toEqual([]);
    await writeFile(join(folder, 'weights.h5'), OTHER);
    server.answer(file(BODY, A));
    await expectFile(await fetchFile({ expected: EXPECTED }));
  });

  test('a kept file is fetched again only when it has changed', async () => {
    server.answer(file(BODY, A));
    await fetchFile();
    await expectFile(await fetchFile());
    expect(server.requests.map(({ headers }) => headers['if-none-match'])).toEqual([undefined, '"a"']);
    server.answer(file(OTHER, { etag: '"b"' }));
    await expectFile(await fetchFile(), OTHER);
  });

  test('a server that hangs up when just as much has come as a stream keeps', async () => {
    const body = BODY.subarray(0, 65_536);
    server.answer((_, response) => {
      response.shouldKeepAlive = false;
      response.setHeader('content-length', body.length);
      response.end(body);
    });
    await expectFile(await fetchFile(), body);
    expect(server.requests).toHaveLength(1);
  });

  test('redirects are followed', async () => {
    server.answer(status(302, { location: '/elsewhere' }), file(BODY, A));
    await expectFile(await fetchFile({ expected: EXPECTED }));
    expect(server.requests.map(({ url }) => url)).toEqual(['/models/weights.h5', '/elsewhere']);
  });

  test('a file without end, or larger than any weights', async () => {
    const limits = { mostBytes: 200_000 };
    for (const announce of [true, false]) {
      server.answer(file(BODY, { ...A, announce }));
      expect(await failure(fetchFile({ limits }))).toMatchObject({
        code: 'WEIGHTS_INVALID',
        message: expect.stringContaining('where at most 200000 are expected') as string,
      });
    }
  });

  test('several at once, killed or not, get the same whole file', async () => {
    server.answer(file(BODY, { ...A, upTo: 150_000 }), file(BODY, A));
    const paths = await Promise.all(Array.from({ length: 4 }, () => fetchFile({ expected: EXPECTED })));
    expect(new Set(paths).size).toBe(1);
    expect((await readFile(paths[0]!)).equals(BODY)).toBe(true);
  });

  describeOnSmallDisk('a full disk', 200 * 1024, (disk) => {
    test('is said; what there is is gone on with when there is room', async () => {
      server.answer(file(BODY, A));
      expect(await failure(fetchFile({ folder: disk }))).toMatchObject({
        code: 'DISK_FULL',
        message: expect.stringContaining(disk) as string,
      });
      await expect(readdir(disk)).resolves.not.toContain('weights.h5');
    });
  });

  test('through the proxy of the environment', async () => {
    server.answer(file(BODY, A));
    const asked: (string | undefined)[] = [];
    const proxy = createServer().on('connect', (request, socket) => {
      asked.push(request.url);
      const through = connect(Number(server.url.port), '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
        through.pipe(socket).pipe(through);
      });
    });
    await new Promise<void>((done) => proxy.listen(0, '127.0.0.1', done));
    process.env['http_proxy'] = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    try {
      await expectFile(await fetchFile());
      expect(asked).toEqual([server.url.host]);
      process.env['no_proxy'] = '127.0.0.1';
      await fetchFile();
      expect(asked).toHaveLength(1);
    } finally {
      delete process.env['http_proxy'];
      delete process.env['no_proxy'];
      proxy.closeAllConnections();
      await new Promise((done) => proxy.close(done));
    }
  });
});
