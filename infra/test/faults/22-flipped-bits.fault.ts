import type { VerifyReport } from '@showtell/ingest/admin/verify';
import { listVoids } from '@showtell/ingest/voids';
import { isShowtellError } from '@showtell/shared/errors';
import { keys } from '@showtell/shared/keys';
import { latestManifest } from '@showtell/shared/manifests';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { readCommit } from '@showtell/shared/planned-run';
import { readShard } from '@showtell/shared/read-shard';
import { checkInvariants } from '../invariants';
import { describeFault } from './fault';

const POSITIONS = 50;

const mockParsed: string[] = [];
jest.mock('@showtell/shared/arrow/arrow-file', () => {
  const actual = jest.requireActual<typeof import('@showtell/shared/arrow/arrow-file')>('@showtell/shared/arrow/arrow-file');
  return {
    ...actual,
    readArrowFile: (...given: Parameters<typeof actual.readArrowFile>) => {
      mockParsed.push(given[2]);
      return actual.readArrowFile(...given);
    },
  };
});

describeFault(22, 'shard bits flipped at rest, 50 positions', { stores: ['file', 's3'] }, (place) => {
  test('no damaged shard is parsed; verify names each, and a repair encodes these again and no other', async () => {
    const rig = await place.rig();
    const { store } = rig;
    const { run, shards } = await rig.enqueue({ dataset: 'synthetic:72', shardRows: 1 });
    expect(shards.planned).toBeGreaterThan(POSITIONS);
    await rig.drain();
    const whole = await checkInvariants(store, run);
    const recordsBefore = await recordsOf(store, run);
    const { manifest } = (await latestManifest(store, run))!;
    // From the first byte to the last one, another bit each time.
    for (let position = 0; position < POSITIONS; position++) {
      const { key, bytes } = manifest.shards[position]!;
      await flip(store, key, Math.round((position / (POSITIONS - 1)) * (bytes - 1)), position % 8);
    }
    const damaged = manifest.shards.slice(0, POSITIONS);

    mockParsed.splice(0);
    const read = await Promise.all(
      damaged.map((shard) => readShard(store, shard, manifest.encoder.dimension).catch((error: unknown) => error)),
    );
    for (const [index, error] of read.entries()) {
      const { key, bytes, sha256 } = damaged[index]!;
      if (!isShowtellError(error, 'CORRUPT_SHARD')) throw error;
      expect(error.exitCode).toBe(6);
      expect(error.message).toContain(`Expected ${bytes} bytes of sha256 ${sha256} for ${key} in ${store.url}`);
      expect(error.message).toMatch(new RegExp(`received ${bytes} bytes of sha256 [0-9a-f]{64}, 3 times$`));
      expect(error.hint).toContain(`showtell verify ${run} --repair`);
    }
    expect(mockParsed).toEqual([]);

    const numbers = damaged.map(({ shard }) => shard);
    const verified = place.showtell(rig, ['verify', run, '--json']);
    expect(await verified.exit).toEqual({ code: 6, signal: null });
    const report = JSON.parse(/^\{[\s\S]*^\}/m.exec(verified.said())![0]) as VerifyReport;
    expect(report.shards).toMatchObject({ intact: shards.planned - POSITIONS, damaged: POSITIONS });
    expect(report.findings.map(({ shard, what }) => [shard, what])).toEqual(numbers.map((shard) => [shard, 'corrupt']));

    rig.ingest();
    rig.encoder();
    const repaired = place.showtell(rig, ['verify', run, '--repair', '--wait']);
    expect({ ...(await repaired.exit), said: repaired.said() }).toMatchObject({ code: 0, signal: null });
    const after = await checkInvariants(store, run);
    expect(after.shardSha256s).toEqual(whole.shardSha256s);
    expect(after.manifests).toBe(2);
    expect((await listVoids(store, run)).map(({ shard }) => shard).sort((a, b) => a - b)).toEqual(numbers);
    const recordsAfter = await recordsOf(store, run);
    for (const [shard, record] of recordsBefore.entries()) expect(recordsAfter[shard] === record).toBe(!numbers.includes(shard));
  }, 90_000);
});

async function flip(store: ObjectStore, key: string, at: number, bit: number): Promise<void> {
  const body = Buffer.from((await store.get(key))!.body);
  body[at]! ^= 1 << bit;
  await store.put(key, body);
}

/** The commit records as text, by shard: whoever encodes again tells another time. */
async function recordsOf(store: ObjectStore, run: string): Promise<string[]> {
  const records: string[] = [];
  for (let shard = 0; (await readCommit(store, run, shard)) !== undefined; shard++)
    records.push((await store.get(keys.commit(run, shard)))!.body.toString());
  return records;
}
