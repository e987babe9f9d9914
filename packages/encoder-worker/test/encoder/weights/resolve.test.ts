import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256 } from '@showtell/shared/hash';
import { keys } from '@showtell/shared/keys';
import { FileStore } from '@showtell/shared/object-store/file';
import { IMAGENET } from '../../../src/encoder/weights/imagenet';
import { putWeights } from '../../../src/encoder/weights/keep';
import { type ResolveOptions, resolveWeights } from '../../../src/encoder/weights/resolve';
import { narrowWeights } from '../../narrow-weights';
import { type FileServer, file, startFileServer, status } from './file-server';

describe('resolveWeights', () => {
  const narrow = narrowWeights(1);
  /** Content tells the layout, so this one may stand for a file of Keras, which takes longer to read. */
  const body = narrow.safetensors;
  const md5 = createHash('md5').update(body).digest('hex');
  let server: FileServer;
  let folder: string;
  let store: FileStore;
  beforeAll(async () => {
    server = await startFileServer();
  });
  afterAll(() => server.close());
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'showtell-weights-'));
    store = new FileStore(join(folder, 'store'));
    server.answer(file(body, { etag: '"a"' }));
  });
  afterEach(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });

  const options = (more: ResolveOptions = {}): ResolveOptions => ({
    folder: join(folder, 'weights'),
    limits: { attempts: 2, waitMs: 2, quietMs: 500 },
    ...more,
  });
  const imagenet = (more: ResolveOptions = {}) =>
    resolveWeights('imagenet', options({ store, imagenet: { url: server.url.href, md5 }, ...more }));
  const failure = async (attempt: Promise<unknown>): Promise<unknown> =>
    attempt.then(
      () => 'no failure',
      (error: unknown) => error,
    );

  test('bundled is 2048-d', async () => {
    expect(await resolveWeights('bundled')).toMatchObject({
      spec: 'bundled',
      dimension: 2048,
      description: expect.stringContaining('nsfwjs') as string,
    });
  });

  test('the path of a file', async () => {
    const path = join(folder, 'narrow');
    await writeFile(path, body);
    expect(await resolveWeights(path)).toMatchObject({ spec: path, sha256: narrow.sha256, dimension: narrow.dimension });
  });

  test('an address, with and without the sha256 of the file; what is secret in it is not told', async () => {
    const secret = new URL(server.url);
    Object.assign(secret, { username: 'ada', password: 'secret', search: '?signature=secret' });
    const weights = await resolveWeights(secret.href, options());
    expect(weights).toMatchObject({ sha256: narrow.sha256, spec: server.url.href });
    expect(JSON.stringify({ ...weights, bytes: 0 })).not.toContain('secret');
    const known = `${server.url.href}#sha256=${sha256(body)}`;
    expect(await resolveWeights(known, options())).toMatchObject({ sha256: narrow.sha256 });
    server.answer(status(500));
    expect(await resolveWeights(known, options())).toMatchObject({ sha256: narrow.sha256 });
  });

  test.each([
    ['another sha256', `#sha256=${'0'.repeat(64)}`, 'WEIGHTS_INVALID', `Expected sha256 ${'0'.repeat(64)}`],
    ['a sha256 cut short', '#sha256=abc', 'USAGE', 'Expected #sha256= and 64 hexadecimal digits'],
    ['something else', '#latest', 'USAGE', 'but received #latest'],
  ])('an address with %s behind it', async (_, hash, code, message) => {
    expect(await failure(resolveWeights(server.url.href + hash, options()))).toMatchObject({
      code,
      message: expect.stringContaining(message) as string,
    });
  });

  test('a web page at the address, an ONNX model, no address at all', async () => {
    server.answer((_, response) => response.end('<html>Sign in</html>'));
    expect(await failure(resolveWeights(server.url.href, options()))).toMatchObject({
      code: 'WEIGHTS_INVALID',
      message: expect.stringContaining('a web page') as string,
    });
    expect(await failure(resolveWeights('https://example.org/clip.onnx', options()))).toMatchObject({ code: 'USAGE' });
    expect(await failure(resolveWeights('http://', options()))).toMatchObject({ code: 'USAGE' });
  });

  describe('imagenet', () => {
    test('is downloaded once; from then on the store has it for everybody', async () => {
      const progress: number[] = [];
      const weights = await imagenet({ onProgress: (done) => progress.push(done) });
      expect(weights).toMatchObject({ sha256: narrow.sha256, spec: 'imagenet', sourceMd5: md5 });
      expect(progress.at(-1)).toBe(body.length);
      await putWeights(store, weights);
      await putWeights(store, weights);

      server.answer(status(500));
      const elsewhere = join(folder, 'another machine');
      expect(await imagenet({ folder: elsewhere })).toMatchObject({ sha256: narrow.sha256 });
      expect(await imagenet({ store: undefined })).toMatchObject({ sha256: narrow.sha256 });
      expect(server.requests).toHaveLength(0);
      expect(await readdir(elsewhere)).toEqual([narrow.sha256]);
    });

    test('damaged or deleted in the store: it is made and put there again', async () => {
      await putWeights(store, await imagenet());
      const key = keys.weights(narrow.sha256);
      for (const damage of [() => store.put(key, Buffer.alloc(narrow.safetensors.length)), () => store.delete(key)]) {
        await damage();
        await rm(join(folder, 'weights', narrow.sha256), { force: true });
        await putWeights(store, await imagenet());
        expect((await store.get(key))!.body.equals(narrow.safetensors)).toBe(true);
      }
    });

    test('a file that was put into the folder by hand', async () => {
      server.answer(status(500));
      await writeFile(join(folder, IMAGENET.file), body);
      expect(await imagenet({ folder })).toMatchObject({ sha256: narrow.sha256 });
      expect(server.requests).toHaveLength(0);
    });

    test('without network it says what to download and where to put it', async () => {
      server.answer((_, response) => response.destroy());
      const { code, message, hint } = (await failure(imagenet())) as { code: string; message: string; hint: string };
      expect(code).toBe('DOWNLOAD_FAILED');
      expect(message).toContain(`The ImageNet weights are not on this machine. Fetching ${server.url.href} failed 2 times`);
      for (const part of [IMAGENET.url, md5, join(folder, 'weights'), 'SHOWTELL_IMAGENET_URL', '--weights bundled'])
        expect(hint).toContain(part);
    });

    test('a mirror that has another file is refused', async () => {
      server.answer((_, response) => response.end('another file'));
      expect(await failure(imagenet())).toMatchObject({
        code: 'WEIGHTS_INVALID',
        message: expect.stringContaining(`Expected md5 ${md5}`) as string,
      });
      expect(await readdir(join(folder, 'weights'))).toEqual([]);
    });
  });
});
