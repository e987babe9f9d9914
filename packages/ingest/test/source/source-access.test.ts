import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '@showtell/shared/object-store/open';
import { openSource, openSourceStore } from '@showtell/shared/source/open';
import { type S3TestServer, startS3 } from '../../../../infra/test/s3-server';
import { describeS3 } from '../../../shared/test/describe-s3';
import { openDataset } from '../../src/source/open';

describeS3('a source whose server knows other keys than that of the store', () => {
  const environment = { ...process.env };
  let results: S3TestServer;
  let photos: S3TestServer;
  let folder: string;
  const url = () => `s3://${photos.bucket}/drawn`;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'showtell-access-'));
    [results, photos] = (await Promise.all([startS3(), startS3()])) as [S3TestServer, S3TestServer];
    const { endpoint, credentials } = photos;
    const store = openStore(url(), { endpoint, credentials });
    await store.put('captions.csv', Buffer.from('image,caption\na.jpg,One\n'));
    await store.put('a.jpg', Buffer.from('a photo'));
    await store.close();
  });
  beforeEach(() => {
    process.env['AWS_ACCESS_KEY_ID'] = 'showtell-results';
    process.env['AWS_SECRET_ACCESS_KEY'] = results.credentials.secretAccessKey;
  });
  afterEach(() => {
    process.env = { ...environment };
  });
  afterAll(async () => {
    await Promise.all([results?.stop(), photos?.stop()]);
    await rm(folder, { recursive: true, force: true });
  });

  async function readsIt(): Promise<void> {
    const source = await openDataset(url(), { endpoint: photos.endpoint });
    const { splits } = await source.scan({ splits: [], strict: true });
    const reader = openSource(source.address);
    expect((await reader.read(splits[0]!.samples[0]!)).toString()).toBe('a photo');
    await reader.close();
    // What is frozen with the run has none of it.
    expect(source.address).toEqual({ kind: 'captions', url: url(), endpoint: photos.endpoint, captions: 'captions.csv' });
  }

  test('is denied without keys of its own, and the hint names them', async () => {
    await expect(openDataset(url(), { endpoint: photos.endpoint })).rejects.toMatchObject({
      code: 'STORE_DENIED',
      hint: expect.stringContaining('SHOWTELL_SOURCE_ACCESS_KEY_ID'),
    });
  });

  test('is read with its keys, which no other store uses', async () => {
    const { accessKeyId, secretAccessKey } = photos.credentials;
    Object.assign(process.env, { SHOWTELL_SOURCE_ACCESS_KEY_ID: accessKeyId, SHOWTELL_SOURCE_SECRET_ACCESS_KEY: secretAccessKey });
    await readsIt();
    const other = openStore(url(), { endpoint: photos.endpoint });
    await expect(other.get('a.jpg')).rejects.toMatchObject({ code: 'STORE_DENIED' });
    await other.close();
  });

  test('is read with its profile, or a region that goes before that of the profile, and nothing is said of the keys beside it', async () => {
    const { accessKeyId, secretAccessKey } = photos.credentials;
    const file = join(folder, 'credentials');
    await writeFile(file, `[photos]\naws_access_key_id=${accessKeyId}\naws_secret_access_key=${secretAccessKey}\nregion=eu-north-1\n`);
    Object.assign(process.env, { AWS_SHARED_CREDENTIALS_FILE: file, SHOWTELL_SOURCE_PROFILE: 'photos' });
    const warn = jest.spyOn(console, 'warn').mockImplementation(() => {});
    await expect(openDataset(url(), { endpoint: photos.endpoint })).rejects.toMatchObject({
      message: expect.stringContaining('eu-north-1'),
    });
    process.env['SHOWTELL_SOURCE_REGION'] = 'us-east-1';
    await readsIt();
    expect(warn).not.toHaveBeenCalled();
    warn.mockRestore();
  });

  test('wrong keys are denied, and are not told', async () => {
    Object.assign(process.env, {
      SHOWTELL_SOURCE_ACCESS_KEY_ID: photos.credentials.accessKeyId,
      SHOWTELL_SOURCE_SECRET_ACCESS_KEY: 'open-sesame',
    });
    const store = openSourceStore({ url: url(), endpoint: photos.endpoint });
    const error = (await store.get('a.jpg').catch((caught: unknown) => caught)) as Error;
    await store.close();
    expect(error).toMatchObject({ code: 'STORE_DENIED' });
    expect(JSON.stringify([error.message, error.cause, error.stack])).not.toContain('open-sesame');
  });
});
