import { setTimeout as sleep } from 'node:timers/promises';
import { latestManifestNumber } from '@showtell/shared/manifests';
import { listCommitted } from '@showtell/shared/planned-run';
import { until } from '../../../packages/shared/test/queue/until';
import { checkInvariants } from '../invariants';
import type { PipelineRig } from '../pipeline-rig';
import { describeFault, type Place } from './fault';
import type { FaultRule } from './fault-proxy';

/** A budget that a test can outlast: no attempt later than 1.5 s after the first, none longer than half a second. */
const BRIEF = { deadlineMs: 1_500, attemptMs: 500 };
const WAITS = 'what a job needs is away; the job waits for it';

const complete = (rig: PipelineRig, run: string) => until(async () => (await latestManifestNumber(rig.store, run)) > 0, 60_000);
const told = (rig: PipelineRig, msg: string) => rig.log.filter((line) => line.msg === msg);

/** Nothing failed, and each shard was committed by one. */
async function checkUnharmed(rig: PipelineRig, run: string, planned: number): Promise<void> {
  await checkInvariants(rig.store, run);
  expect(rig.log.filter(({ msg }) => msg.startsWith('job failed'))).toEqual([]);
  expect(told(rig, 'shard committed')).toHaveLength(planned);
}

/** No job was taken from the one that waited. */
function checkLocks(rig: PipelineRig): void {
  expect(
    rig.log.filter(({ code, msg, queue }) => queue !== 'finalize' && (code === 'LOCK_LOST' || msg.startsWith('took the job'))),
  ).toEqual([]);
}

/** The pipeline at work, its first shard committed. */
async function started(rig: PipelineRig) {
  const { run, shards } = await rig.enqueue({ dataset: 'synthetic:40', shardRows: 4 });
  rig.ingest();
  rig.encoder();
  await until(async () => (await listCommitted(rig.store, run)).size > 0, 30_000);
  return { run, planned: shards.planned };
}

describeFault(13, '500/503 shorter and longer than the retry budget', { stores: ['s3'], proxied: true }, (place) => {
  test.each<[string, FaultRule]>([
    ['three 503 SlowDown for every key', { times: 12, action: { status: 503, code: 'SlowDown' } }],
    ['three 500 InternalError for every PUT', { match: { method: 'PUT' }, times: 6, action: { status: 500 } }],
  ])(
    'shorter: %s',
    async (_what, rule) => {
      const rig = await place.rig();
      const { run, planned } = await started(rig);
      const before = place.proxy.s3!.requests.length;
      place.proxy.s3!.rules.push(rule);
      await complete(rig, run);
      expect(place.proxy.s3!.requests.slice(before).filter(({ action }) => action === rule.action)).toHaveLength(rule.times!);
      await checkUnharmed(rig, run, planned);
      expect(told(rig, WAITS)).toEqual([]);
    },
    90_000,
  );

  test.each<[string, FaultRule['match']]>([
    ['everything', {}],
    ['commit records alone', { method: 'PUT', path: /\/commits\// }],
    ['bodies of shards alone', { method: 'PUT', path: /\/shards\// }],
  ])(
    'longer: %s',
    async (_what, match) => {
      const rig = await place.rig({}, BRIEF);
      const { run, planned } = await started(rig);
      place.proxy.s3!.rules.push({ match: match!, action: { status: 503, code: 'SlowDown' } });
      await until(() => told(rig, WAITS).length >= 2, 30_000);
      place.proxy.s3!.rules.splice(0);
      const committed = await listCommitted(rig.store, run);
      expect(committed.size).toBeLessThan(planned);
      await complete(rig, run);
      await checkUnharmed(rig, run, planned);
    },
    90_000,
  );
});

describeFault(14, 'hung server, stalled body', { stores: ['s3'], proxied: true }, (place: Place) => {
  test.each<[string, FaultRule]>([
    ['never answers a GET', { match: { method: 'GET', path: /\/plan\/00000-/ }, times: 4, action: { hang: true } }],
    ['never answers a PUT of a body', { match: { method: 'PUT', path: /\/shards\// }, times: 4, action: { hang: true } }],
    ['never answers a PUT of a record', { match: { method: 'PUT', path: /\/commits\// }, times: 4, action: { hang: true } }],
    ['stops in the middle of a body', { match: { method: 'GET', path: /\/plan\/00000-/ }, times: 4, action: { stall: 100 } }],
  ])(
    'it %s: longer than the lock, within the budget',
    async (_what, rule) => {
      // Four times 0.9 s outlast the lock of 2 s.
      const rig = await place.rig({}, { deadlineMs: 20_000, attemptMs: 900 });
      place.proxy.s3!.rules.push(rule);
      const { run, shards } = await rig.enqueue({ dataset: 'synthetic:40', shardRows: 16 });
      rig.ingest();
      rig.encoder();
      await complete(rig, run);
      expect(place.proxy.s3!.requests.filter(({ action }) => action === rule.action)).toHaveLength(4);
      await checkUnharmed(rig, run, shards.planned);
      checkLocks(rig);
      expect(told(rig, WAITS)).toEqual([]);
    },
    90_000,
  );

  test('a store that is silent for longer than the budget: the job waits for it, and its lock is given back', async () => {
    const rig = await place.rig({}, BRIEF);
    const { run, planned } = await started(rig);
    place.proxy.s3!.hang();
    await until(() => told(rig, WAITS).length >= 2, 30_000);
    await sleep(100);
    place.proxy.s3!.resume();
    await complete(rig, run);
    await checkUnharmed(rig, run, planned);
  }, 90_000);
});
