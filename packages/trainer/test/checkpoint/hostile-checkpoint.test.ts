import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isShowtellError } from '@showtell/shared/errors';
import { sha256 } from '@showtell/shared/hash';
import { keys } from '@showtell/shared/keys';
import { AliasRecord } from '@showtell/shared/schema/checkpoint';
import { encodeRecord } from '@showtell/shared/schema/record';
import * as fc from 'fast-check';
import { readCheckpoint, readCheckpointFiles } from '../../src/checkpoint/checkpoints';
import { decodeTrainerFiles, TRAINER_FILES } from '../../src/checkpoint/files';
import { openCheckpointFolder } from '../../src/checkpoint/folder';
import { resolveModel } from '../../src/checkpoint/model-name';
import { publishCheckpoint } from '../../src/checkpoint/publish';
import { readEncoderWeights } from '../../src/checkpoint/pull';
import { temporaryStore } from '../temporary-store';
import { saveTiny } from './tiny-checkpoint';

const store = temporaryStore();

/** A document of which the value at some place is another. */
function changed(document: unknown, steps: readonly number[], value: unknown): unknown {
  if (document === null || typeof document !== 'object' || steps.length === 0) return value;
  const names = Object.keys(document);
  if (names.length === 0) return value;
  const name = names[steps[0]! % names.length]!;
  const copy = structuredClone(document) as Record<string, unknown>;
  copy[name] = changed(copy[name], steps.slice(1), value);
  return copy;
}

const value = fc.oneof(
  fc.constantFrom<unknown>(null, 0, -1, 1.5, 2 ** 31, 2 ** 53, 1e300, '', '__proto__', '../../x', [], {}),
  fc.jsonValue({ maxDepth: 2 }),
);

test('a checkpoint with one value of any of its records changed is read, or refused', async () => {
  const files = await readCheckpointFiles(store, await saveTiny(store, 'enemy', 1), TRAINER_FILES);
  const records = TRAINER_FILES.filter((name) => name.endsWith('.json'));
  let refused = 0;
  fc.assert(
    fc.property(fc.constantFrom(...records), fc.array(fc.nat(50), { minLength: 1, maxLength: 4 }), value, (name, steps, other) => {
      const body = Buffer.from(JSON.stringify(changed(JSON.parse(files[name].toString()), steps, other)));
      try {
        decodeTrainerFiles({ ...files, [name]: body }, 'folder/');
      } catch (error) {
        if (!isShowtellError(error) || error.code === 'BUG') throw error;
        refused++;
      }
    }),
    { numRuns: 1_000 },
  );
  expect(refused).toBeGreaterThan(100);
});

test('weights and moments with bytes changed are read, or refused', async () => {
  const files = await readCheckpointFiles(store, await saveTiny(store, 'bytes', 1), TRAINER_FILES);
  fc.assert(
    fc.property(
      fc.constantFrom('weights.safetensors' as const, 'optimizer.safetensors' as const),
      fc.array(fc.tuple(fc.nat(2_000), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      (name, bytes) => {
        const body = Buffer.from(files[name]);
        for (const [at, byte] of bytes) body[at % body.length] = byte;
        try {
          expect(decodeTrainerFiles({ ...files, [name]: body }, 'folder/').weights.size).toBe(decodeTrainerFiles(files, '').weights.size);
        } catch (error) {
          if (!isShowtellError(error) || error.code === 'BUG') throw error;
        }
      },
    ),
    { numRuns: 300 },
  );
});

describe('records that point elsewhere', () => {
  const corrupt = { code: expect.stringMatching(/^CORRUPT_(?:CHECKPOINT|OBJECT)$/) as string };

  test.each([
    'trainings/other/checkpoints/00000001-1/',
    '../../etc/',
    'trainings/pets/checkpoints/../../other/checkpoints/00000001-1/',
    '',
  ])('an alias of a checkpoint at %j is refused', async (checkpoint) => {
    const other = await saveTiny(store, 'other', 1);
    await publishCheckpoint(store, await saveTiny(store, 'pets', 2), { leaseEpoch: 1, by: 'test', best: null });
    const key = keys.alias('pets', 'latest');
    const record = AliasRecord.parse(JSON.parse((await store.get(key))!.body.toString()));
    await store.put(key, encodeRecord({ ...record, checkpoint, sha256: other.sha256 }));
    await expect(resolveModel(store, 'pets@latest')).rejects.toMatchObject(corrupt);
    await store.delete(key);
  });

  test('a checkpoint that was copied into another training is refused', async () => {
    const { body } = await saveTiny(store, 'origin', 3);
    const folder = keys.checkpoint('thief', 3, 1);
    await store.put(`${folder}COMMIT.json`, body);
    await expect(readCheckpoint(store, folder)).rejects.toMatchObject(corrupt);
  });

  test('encoder weights are read from nowhere but where the store keeps them', async () => {
    const { folder, record } = await saveTiny(store, 'weights', 1);
    const file = JSON.parse((await store.get(`${folder}preprocessing.json`))!.body.toString()) as object;
    const body = encodeRecord({ ...file, weightsKey: '../../secret' });
    await store.put(`${folder}preprocessing.json`, body);
    const files = { ...record.files, 'preprocessing.json': { bytes: body.length, sha256: sha256(body) } };
    await expect(readEncoderWeights(store, { folder, sha256: '', body, record: { ...record, files } })).rejects.toMatchObject(corrupt);
  });

  test.each(['../outside', '/etc/passwd', 'a/b', '..'])('a folder whose COMMIT.json names the file %j is refused', async (name) => {
    const { record } = await saveTiny(store, 'pulled', 1);
    const folder = await mkdtemp(join(tmpdir(), 'showtell-enemy-'));
    const files = Object.fromEntries([...Object.entries(record.files), [name, { bytes: 1, sha256: 'a'.repeat(64) }]]);
    await writeFile(join(folder, 'COMMIT.json'), encodeRecord({ ...record, files }));
    await expect(openCheckpointFolder(folder)).rejects.toMatchObject({
      ...corrupt,
      message: expect.stringContaining('COMMIT.json') as string,
    });
    await rm(folder, { recursive: true });
  });

  test('what is no file is not read: a device would never end', async () => {
    const { record } = await saveTiny(store, 'device', 1);
    const folder = await mkdtemp(join(tmpdir(), 'showtell-enemy-'));
    await writeFile(join(folder, 'COMMIT.json'), encodeRecord(record));
    await symlink('/dev/zero', join(folder, 'decoding.json'));
    await expect(openCheckpointFolder(folder)).rejects.toMatchObject({
      ...corrupt,
      message: expect.stringContaining('decoding.json') as string,
    });
    await rm(join(folder, 'decoding.json'));
    await mkdir(join(folder, 'decoding.json'));
    await expect(openCheckpointFolder(folder)).rejects.toMatchObject(corrupt);
    await rm(folder, { recursive: true });
  });
});
