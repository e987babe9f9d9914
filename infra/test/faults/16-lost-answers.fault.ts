import { changeControl } from '@showtell/ingest/admin/change-control';
import { pauseRun } from '@showtell/ingest/admin/halt';
import { resumeRun } from '@showtell/ingest/admin/resume';
import { keys } from '@showtell/shared/keys';
import { listCommitted } from '@showtell/shared/planned-run';
import { openQueues } from '@showtell/shared/queue/open-queues';
import { DEFAULT_PRIORITY, priorityOf } from '@showtell/shared/schema/control';
import { Shutdown } from '@showtell/shared/shutdown';
import pino from 'pino';
import { checkInvariants } from '../invariants';
import { describeFault } from './fault';
import type { FaultAction, PassedRequest } from './fault-proxy';
import { checkLatest, checkSameAs, encodedRun, startTraining, undisturbed } from './training-program';

const logger = pino({ level: 'silent' });
const LOST: FaultAction = { dropAnswer: true };
const CONFLICT: FaultAction = { status: 409, code: 'ConditionalRequestConflict' };

const befallen = (requests: readonly PassedRequest[], path: RegExp) =>
  requests.filter((request) => request.action !== undefined && path.test(request.path)).length;

describeFault(16, 'PUT applied, answer lost', { stores: ['s3'], proxied: true }, (place) => {
  let shutdown: Shutdown;
  beforeEach(() => {
    shutdown = new Shutdown();
  });
  afterEach(() => shutdown.run());

  test('of each object of a run: the record of the 412 is read, and nothing is done twice', async () => {
    const rig = await place.rig();
    const { rules, requests } = place.proxy.s3!;
    const once = (path: RegExp) => rules.push({ match: { method: 'PUT', path }, times: 1, action: LOST });
    const ofPlan = [/\/run\.json/, /\/plan\/0/, /\/captions\//, /\/plan\.json/, /\/weights\//];
    for (const path of ofPlan) once(path);
    const { run, shards } = await rig.enqueue();
    for (const path of ofPlan) expect(befallen(requests, path)).toBe(1);

    const numbers = Array.from({ length: shards.planned }, (_, shard) => shard);
    const ofRun = [
      ...numbers.flatMap((shard) => [new RegExp(`/shards/0000${shard}-`), new RegExp(keys.commit(run, shard))]),
      /\/manifests\/1\.json/,
      /\/control\.json/,
    ];
    for (const path of ofRun) once(path);
    const services = { ...(await openQueues(rig.settings, logger, shutdown)), store: rig.store, logger };
    await pauseRun({ ...services, run });
    await resumeRun({ ...services, run });
    await rig.drain();
    for (const path of ofRun) expect(befallen(requests, path)).toBe(1);
    for (const shard of numbers) {
      const puts = requests.filter(({ method, path }) => method === 'PUT' && path.includes(keys.commit(run, shard)));
      expect(puts.map(({ status }) => status)).toEqual([undefined, 412]);
    }
    expect(rig.log.filter(({ msg }) => msg === 'the shard was committed already')).toHaveLength(shards.planned);
    expect((await checkInvariants(rig.store, run)).manifests).toBe(1);
  }, 60_000);

  test('of each object of a training: it ends as one that nothing befell', async () => {
    const rig = await place.rig();
    const run = await encodedRun(rig);
    await undisturbed(rig.store, run);
    const { rules, requests } = place.proxy.s3!;
    const paths = [
      /\/training\.json\?x-id=PutObject/,
      /\/lease\.json/,
      /\/weights\.safetensors/,
      /\/COMMIT\.json/,
      /\/aliases\/latest\.json/,
      /\/aliases\/best\.json/,
      /\/metrics\/00001-00000/,
      /\/done\.json/,
    ];
    // The first that makes each, the one that replaces it, and what comes after that.
    for (const path of paths) rules.push({ match: { method: 'PUT', path }, times: 1, action: LOST });
    rules.push({ match: { method: 'PUT', path: /\/(lease|latest|best)\.json/, header: { 'if-match': /./ } }, times: 2, action: LOST });
    const training = startTraining(place, rig, run, 'lossy');
    const { code } = await training.exit;
    expect(code === 0 ? '' : training.said()).toBe('');
    for (const path of paths) expect([path, befallen(requests, path)]).not.toEqual([path, 0]);
    rules.splice(0);
    await checkLatest(rig.store, 'lossy', training.events);
    await checkSameAs(rig.store, 'lossy', training.events);
    await checkInvariants(rig.store, run);
  }, 60_000);
});

describeFault(18, 'two conditional writes of one key at once', { stores: ['file', 's3'], proxied: true }, (place) => {
  test('of many operators each has the last word once: every change is kept', async () => {
    const rig = await place.rig();
    const { run } = await rig.enqueue({ dataset: 'synthetic:24' });
    // A server says so where it cannot decide which of two was first; here of every third word.
    const words = 12;
    place.proxy.s3?.rules.push({ match: { method: 'PUT', path: /\/control\.json/ }, times: words / 3, action: CONFLICT });
    const oneMore = () => changeControl(rig.store, run, (current) => ({ ...current, priority: priorityOf(current) + 1 }));
    await Promise.all(Array.from({ length: words }, oneMore));
    const { after } = await changeControl(rig.store, run, (current) => current);
    expect(priorityOf(after)).toBe(DEFAULT_PRIORITY + words);
    if (place.proxy.s3) expect(befallen(place.proxy.s3.requests, /\/control\.json/)).toBe(words / 3);
    await rig.drain();
    await checkInvariants(rig.store, run);
  }, 60_000);
});

describeFault(18, '409 ConditionalRequestConflict', { stores: ['s3'], proxied: true }, (place) => {
  test('of every record of a run, twice: each is written by a later attempt of the same call', async () => {
    const rig = await place.rig();
    const { rules, requests } = place.proxy.s3!;
    const twice = (path: RegExp) =>
      rules.push({ match: { method: 'PUT', path, header: { 'if-none-match': /\*/ } }, times: 2, action: CONFLICT });
    for (const path of [/\/run\.json/, /\/plan\.json/]) twice(path);
    const { run, shards } = await rig.enqueue();
    const records = [...Array.from({ length: shards.planned }, (_, shard) => new RegExp(keys.commit(run, shard))), /\/manifests\/1\.json/];
    for (const path of records) twice(path);
    await rig.drain();
    for (const path of records) expect(befallen(requests, path)).toBe(2);
    expect((await listCommitted(rig.store, run)).size).toBe(shards.planned);
    // No job was tried again for it.
    expect(rig.log.filter(({ msg }) => /will be tried again|committed already/.test(msg))).toEqual([]);
    expect((await checkInvariants(rig.store, run)).manifests).toBe(1);
  }, 60_000);
});
