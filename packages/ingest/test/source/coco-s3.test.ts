import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { openStore } from '@showtell/shared/object-store/open';
import { openSource } from '@showtell/shared/source/open';
import { type PreparedRow, prepareRows } from '@showtell/shared/source/prepare-rows';
import { NO_S3, s3TestServer, startS3 } from '../../../../infra/test/s3-server';
import type { Dataset } from '../../src/source/dataset';
import { openDataset } from '../../src/source/open';
import { writeCocoFixture } from '../coco-fixture';

const describeS3 = s3TestServer() ? describe : describe.skip;

describeS3(`a COCO prefix in S3${s3TestServer() ? '' : `: ${NO_S3}`}`, () => {
  const environment = { ...process.env };
  let server: NonNullable<Awaited<ReturnType<typeof startS3>>>;
  let folder: string;
  let store: ObjectStore;

  beforeAll(async () => {
    server = (await startS3())!;
    process.env['AWS_ACCESS_KEY_ID'] = server.credentials.accessKeyId;
    process.env['AWS_SECRET_ACCESS_KEY'] = server.credentials.secretAccessKey;
    folder = await mkdtemp(join(tmpdir(), 'showtell-coco-s3-'));
    await writeCocoFixture(folder, [
      { name: 'val2017', photos: 5, bad: ['absent', 'truncated'] },
      { name: 'train2017', photos: 3 },
    ]);
    store = openStore(`s3://${server.bucket}/some/coco`, { endpoint: server.endpoint });
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      await store.put(path.slice(folder.length + 1), await readFile(path));
    }
  });
  afterAll(async () => {
    process.env = environment;
    await store?.close();
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const fromS3 = () => openDataset(`s3://${server.bucket}/some/coco/`, { endpoint: server.endpoint });

  async function prepareSplit({ splits }: Dataset, split: string): Promise<PreparedRow[]> {
    const reader = openSource((await fromS3()).address);
    const prepared: PreparedRow[] = [];
    for await (const one of prepareRows(reader, splits.find((found) => found.split === split)!.samples, { concurrency: 3 }))
      prepared.push(one);
    await reader.close();
    return prepared;
  }

  test('is the same dataset as the folder, but for the etags', async () => {
    const withoutEtags = ({ splits, findings }: Dataset) => ({
      splits: splits.map(({ samples, ...rest }) => ({ ...rest, samples: samples.map((row) => ({ ...row, etag: '' })) })),
      findings,
    });
    const options = { splits: [], strict: false };
    expect(withoutEtags(await (await fromS3()).scan(options))).toEqual(withoutEtags(await (await openDataset(folder)).scan(options)));
  });

  test('photos that changed or went after planning are rejected with what happened to them', async () => {
    const dataset = await (await fromS3()).scan({ splits: ['val'], strict: false });
    expect((await prepareSplit(dataset, 'val')).map(({ rejection }) => rejection?.code)).toEqual([
      'TRUNCATED',
      undefined,
      undefined,
      undefined,
    ]);
    await store.delete('val2017/000000001002.jpg');
    await store.put('val2017/000000001003.jpg', await readFile(join(folder, 'val2017', '000000001004.jpg')));
    expect((await prepareSplit(dataset, 'val')).map(({ rejection }) => rejection?.code)).toEqual([
      'TRUNCATED',
      'MISSING_IMAGE',
      'SOURCE_CHANGED',
      undefined,
    ]);
  });

  test('a prefix that holds nothing is no dataset; an absent bucket is named', async () => {
    const open = (url: string) => openDataset(url, { endpoint: server.endpoint });
    await expect(open(`s3://${server.bucket}/other`)).rejects.toMatchObject({ code: 'NOT_A_DATASET' });
    await expect(open('s3://no-such-bucket-here/coco')).rejects.toMatchObject({
      code: 'NO_SUCH_BUCKET',
      message: expect.stringContaining('no-such-bucket-here'),
    });
  });
});
