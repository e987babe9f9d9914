import { repairRun } from '@showtell/ingest/admin/repair';
import { runStatus } from '@showtell/ingest/admin/status';
import { verifyRun } from '@showtell/ingest/admin/verify';
import { latestManifest } from '@showtell/shared/manifests';
import { openQueues } from '@showtell/shared/queue/open-queues';
import { Shutdown } from '@showtell/shared/shutdown';
import pino from 'pino';
import { until } from '../../packages/shared/test/queue/until';
import { checkInvariants } from './invariants';
import type { PipelineRig } from './pipeline-rig';
import { SHARD_DAMAGES, type ShardDamage } from './shard-damages';

const logger = pino({ level: 'silent' });

export interface MendedShard {
  readonly damage: ShardDamage;
  readonly shard: number;
  /** What `verify` said. */
  readonly found: readonly string[];
  readonly manifest: number;
}

/**
 * Encodes a run of five shards, then damages all of them in each round, each in another way; with ten rounds each shard meets each
 * damage. After each round `verify` must have named everything, and after a repair with real workers the run be what it was.
 */
export async function damageInTurn(rig: PipelineRig, rounds = SHARD_DAMAGES.length): Promise<MendedShard[]> {
  const shutdown = new Shutdown();
  try {
    const { queues } = await openQueues(rig.settings, logger, shutdown);
    const { store } = rig;
    const { run } = await rig.enqueue();
    rig.ingest();
    rig.encoder();
    const completed = (manifest: number) =>
      until(async () => {
        const status = await runStatus(store, queues, run);
        return status.state === 'complete' && status.manifest === manifest;
      }, 30_000);
    await completed(1);
    const whole = await checkInvariants(store, run);
    const shards = whole.shardSha256s.map((_, shard) => shard);
    expect((await verifyRun({ store, run })).report).toMatchObject({
      shards: { planned: 5, intact: 5, damaged: 0, waiting: 0 },
      samples: { encoded: whole.features.size, rejected: 0 },
      bodiesWithoutRecord: { count: 0, bytes: 0 },
      findings: [],
    });

    const mended: MendedShard[] = [];
    for (let round = 0; round < rounds; round++) {
      const damages = shards.map((shard) => SHARD_DAMAGES[(5 * round + shard + Math.floor(round / 2)) % SHARD_DAMAGES.length]!);
      for (const shard of shards) await damages[shard]!.damage(store, run, shard);
      const found = await verifyRun({ store, run });
      expect(found.report.shards).toEqual({ planned: 5, intact: 0, damaged: 5, waiting: 0 });
      for (const shard of shards)
        expect(found.report.findings.filter((finding) => finding.shard === shard).map(({ what }) => what)).toEqual(damages[shard]!.found);

      const repaired = await repairRun(found, { store, queues, logger });
      expect(repaired).toMatchObject({ left: [], unmended: [], jobs: { planned: 5 } });
      expect(repaired!.voided.map(({ shard }) => shard)).toEqual(shards);
      await completed(round + 2);
      // The same encoder on the same machine: the same bytes.
      expect((await checkInvariants(store, run)).shardSha256s).toEqual(whole.shardSha256s);
      const told = (await latestManifest(store, run))!.manifest.repaired!;
      expect(told.filter(({ after }) => after === round + 1).map(({ shard, reason }) => [shard, reason])).toEqual(
        shards.map((shard) => [shard, damages[shard]!.found[0]]),
      );
      expect((await verifyRun({ store, run })).report.findings).toEqual([]);
      for (const shard of shards) mended.push({ damage: damages[shard]!, shard, found: damages[shard]!.found, manifest: round + 2 });
    }
    return mended;
  } finally {
    await rig.close();
    await shutdown.run();
  }
}
