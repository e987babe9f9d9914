import { keys } from '@showtell/shared/keys';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { AliasRecord, LeaseRecord, TRAINING_FORMAT } from '@showtell/shared/schema/checkpoint';
import { parseRecord } from '@showtell/shared/schema/record';
import {
  checkpointKeys,
  newestCheckpoint,
  readCheckpoint,
  readCheckpointFiles,
  saveCheckpoint,
} from '@showtell/trainer/checkpoint/checkpoints';
import { Lease } from '@showtell/trainer/checkpoint/lease';
import { publishCheckpoint } from '@showtell/trainer/checkpoint/publish';
import { explore, type Process } from './explore';
import type { Objects } from './stepped-store';

export const TRAINING = 'pets';
const LEASE = keys.lease(TRAINING);
const LATEST = keys.alias(TRAINING, 'latest');

/**
 * A trainer with the product's own lease, checkpoints and aliases, in the order in which training uses them; each checkpoint is one file.
 * Its lease lasts no time: any trainer may be taken for dead at any moment, since any may be stopped for longer than every lease.
 */
export const trainer =
  (holder: string, checkpoints: number): Process =>
  async (store) => {
    const lease = await Lease.acquire(store, TRAINING, { holder, leaseSeconds: 0 });
    const newest = await newestCheckpoint(store, TRAINING);
    if (newest) await publishCheckpoint(store, newest, { leaseEpoch: lease.epoch, by: holder, best: null });
    let step = newest?.record.step ?? 0;
    for (let saved = 0; saved < checkpoints; saved++) {
      step += 1;
      await lease.renew();
      const checkpoint = await saveTo(store, step, lease.epoch, holder);
      await publishCheckpoint(store, checkpoint, { leaseEpoch: lease.epoch, by: holder, best: null });
    }
    await lease.release();
    return step;
  };

export const saveTo = (store: ObjectStore, step: number, leaseEpoch: number, holder: string) =>
  saveCheckpoint(
    store,
    { training: TRAINING, step, epoch: 0, leaseEpoch, loss: 1 / step, validationLoss: null, validationCider: null, learningRate: 1e-3 },
    { 'weights.safetensors': Buffer.from(`${holder} ${step}`) },
  );

function aliasOf(objects: Objects): AliasRecord | undefined {
  const found = objects.get(LATEST);
  return found && parseRecord(AliasRecord, TRAINING_FORMAT, found, LATEST);
}
const leaseOf = (objects: Objects) => objects.has(LEASE) && parseRecord(LeaseRecord, TRAINING_FORMAT, objects.get(LEASE)!, LEASE);

/** `latest` names what is committed, and neither it nor the lease ever goes back. */
function always(objects: Objects, before: Objects): void {
  const [now, then] = [aliasOf(objects), aliasOf(before)];
  if (now && !objects.has(`${now.checkpoint}COMMIT.json`)) throw new Error('latest names a checkpoint that is not committed');
  if (now && !objects.has(`${now.checkpoint}weights.safetensors`)) throw new Error('latest names a checkpoint without weights');
  if (then && now!.step < then.step) throw new Error(`latest went back from step ${then.step} to ${now!.step}`);
  if (then && now!.leaseEpoch < then.leaseEpoch) throw new Error('latest went back to an older lease epoch');
  const [lease, older] = [leaseOf(objects), leaseOf(before)];
  if (lease && older && lease.epoch < older.epoch) throw new Error('The lease went back to an older epoch');
  if (lease && older && lease.epoch === older.epoch && lease.holder !== older.holder) throw new Error('Two trainers have one lease epoch');
  for (const [key, body] of before)
    if (key.endsWith('COMMIT.json') && !body.equals(objects.get(key)!)) throw new Error(`${key} has changed`);
}

const REFUSED = ['LEASE_HELD', 'FENCED'];

export const exploreTrainers = (
  processes: Readonly<Record<string, Process>>,
  faults: { readonly crashes?: number; readonly lostAnswers?: number },
) =>
  explore({
    processes,
    ...faults,
    always,
    atEnd({ endings }) {
      for (const ending of Object.values(endings)) if (ending !== 'crashed' && 'failed' in ending) expect(REFUSED).toContain(ending.failed);
    },
    // The next trainer goes on from whatever is newest, and `latest` restores.
    async afterwards(store) {
      const newest = await newestCheckpoint(store, TRAINING);
      expect(await trainer('next', 1)(store)).toBe((newest?.record.step ?? 0) + 1);
      const latest = (await store.get(LATEST))!;
      const alias = parseRecord(AliasRecord, TRAINING_FORMAT, latest.body, LATEST);
      const restored = await readCheckpoint(store, alias.checkpoint, alias.sha256);
      await readCheckpointFiles(store, restored, ['weights.safetensors']);
      expect(alias.checkpoint).toBe((await checkpointKeys(store, TRAINING)).at(-1)!.folder);
      expect(alias.by).toBe('next');
    },
  });
