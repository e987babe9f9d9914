import { join } from 'node:path';
import { latestManifestNumber } from '@showtell/shared/manifests';
import { until } from '../../../packages/shared/test/queue/until';
import { checkInvariants } from '../invariants';
import type { PipelineRig } from '../pipeline-rig';
import { describeFault, type Place } from './fault';
import { encodedRun } from './training-program';

const CPU = ['--device', 'cpu', '--threads', '1'];

/** Every program that commits, on a store that it must refuse: exit 4, what is wrong and where, and nothing written but by the probe. */
async function areRefused(place: Place, rig: PipelineRig, run: string, env: NodeJS.ProcessEnv, said: RegExp): Promise<void> {
  const before = await keysOf(rig);
  const commands = [
    ['worker', 'ingest'],
    ['worker', 'encoder', ...CPU],
    ['worker', 'trainer', ...CPU],
    ['enqueue', 'synthetic:24', '--run', 'refused', '--weights', rig.weightsFile],
    ['train', run, '--here', '--name', 'refused', ...CPU],
    ['verify', run, '--repair'],
  ];
  const programs = commands.map((args) => ({ args, program: place.showtell(rig, args, { env }) }));
  for (const { args, program } of programs) {
    const { code } = await program.exit;
    expect({ args, code, said: program.said() }).toEqual({ args, code: 4, said: expect.stringMatching(said) as string });
  }
  expect(await keysOf(rig)).toEqual(before);
}

/** But what the probe writes. */
async function keysOf({ store }: PipelineRig): Promise<string[]> {
  const found: string[] = [];
  for await (const { key } of store.list('')) if (!key.startsWith('probe/')) found.push(key);
  return found;
}

describeFault(19, 'a store that ignores a condition', { stores: ['s3'], proxied: true }, (place) => {
  test('If-None-Match, or If-Match: refused at start by all who commit, and nothing is written', async () => {
    const rig = await place.rig();
    const run = await encodedRun(rig);
    const { rules } = place.proxy.s3!;
    for (const [header, said] of [
      ['If-None-Match', /UNSAFE_STORE: s3:\/\/\S+ ignores If-None-Match: it created one object twice/],
      ['If-Match', /UNSAFE_STORE: s3:\/\/\S+ ignores If-Match: it replaced an object on the strength of a wrong etag/],
    ] as const) {
      rules.splice(0, 1, { match: { method: 'PUT' }, action: { stripRequestHeader: header.toLowerCase() } });
      await areRefused(place, rig, run, {}, said);
    }
    await checkInvariants(rig.store, run);
  }, 120_000);

  test('or says that it has none (501): refused at start, and a job that meets it later writes no record', async () => {
    const rig = await place.rig();
    const { run } = await rig.enqueue({ dataset: 'synthetic:24' });
    const { rules } = place.proxy.s3!;
    rules.push({ match: { method: 'PUT', header: { 'if-none-match': /\*/ } }, action: { status: 501, code: 'NotImplemented' } });
    const ingest = place.program(rig, 'ingest');
    expect((await ingest.exit).code).toBe(4);
    expect(ingest.said()).toMatch(/UNSAFE_STORE: PutObject of "probe\/conditional-writes" in .* failed: NotImplemented \(HTTP 501\)/);
    rules.splice(0);
    rig.ingest();
    rig.encoder();
    await until(async () => (await latestManifestNumber(rig.store, run)) > 0, 30_000);
    await checkInvariants(rig.store, run);
  }, 60_000);
});

describeFault(19, 'a file system without hard links', { stores: ['file'] }, (place) => {
  test('refused at start by all who commit, and nothing is written', async () => {
    const rig = await place.rig();
    const run = await encodedRun(rig);
    const env = { NODE_OPTIONS: `--require ${join(__dirname, 'without-links.js')}` };
    // The probe's object is there, of the time before.
    await areRefused(place, rig, run, env, /UNSAFE_STORE: The file system of .*\/store\/probe\/.* has no hard links/);
    await checkInvariants(rig.store, run);
  }, 120_000);
});
