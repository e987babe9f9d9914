import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Settings } from '@showtell/shared/config';
import { latestManifestNumber } from '@showtell/shared/manifests';
import { listCommitted } from '@showtell/shared/planned-run';
import { openQueues } from '@showtell/shared/queue/open-queues';
import { Shutdown } from '@showtell/shared/shutdown';
import pino from 'pino';
import { until } from '../../../packages/shared/test/queue/until';
import { checkInvariants } from '../invariants';
import type { PipelineRig } from '../pipeline-rig';
import { describeFault, type Place } from './fault';

const WRONG_SECRET = 'a-secret-that-nobody-has-3f9c';
const CPU = ['--device', 'cpu', '--threads', '1'];

/** Every command is refused with exit 4 and in these words. */
async function areRefused(
  place: Place,
  rig: PipelineRig,
  commands: readonly (readonly string[])[],
  options: { readonly env?: NodeJS.ProcessEnv; readonly settings?: Partial<Settings> },
  said: RegExp,
): Promise<void> {
  const programs = commands.map((args) => ({ args, program: place.showtell(rig, args, options) }));
  for (const { args, program } of programs) {
    const { code } = await program.exit;
    expect({ args, code, said: program.said() }).toEqual({ args, code: 4, said: expect.stringMatching(said) as string });
  }
}

/** A worker that the store refuses ends with exit 4 and leaves the jobs to one that it does not. */
async function endsAndAnotherGoesOn(
  place: Place,
  rig: PipelineRig,
  run: string,
  refused: 'ingest' | 'encoder',
  said: RegExp,
  mend: () => unknown,
) {
  const shutdown = new Shutdown();
  try {
    const { queues } = await openQueues(rig.settings, pino({ level: 'silent' }), shutdown);
    const program = place.program(rig, refused);
    place.program(rig, refused === 'ingest' ? 'encoder' : 'ingest');
    const { code } = await program.exit;
    expect({ code, said: program.said() }).toEqual({ code: 4, said: expect.stringMatching(said) as string });
    for (const queue of [queues.ingest, queues.encode('float32'), queues.finalize]) expect(await queue.getFailedCount()).toBe(0);
    expect(await latestManifestNumber(rig.store, run)).toBe(0);
    await mend();
    place.program(rig, refused);
    await until(async () => (await latestManifestNumber(rig.store, run)) > 0, 40_000);
    await checkInvariants(rig.store, run);
  } finally {
    await shutdown.run();
  }
}

describeFault(20, 'a store that refuses', { stores: ['s3'], proxied: true, secrets: [WRONG_SECRET] }, (place) => {
  /** How the store is named in messages. */
  const where = (rig: PipelineRig) => `${rig.store.url} at ${rig.settings.s3Endpoint}`;
  const commits = (rig: PipelineRig) => [
    ['worker', 'ingest'],
    ['worker', 'encoder', ...CPU],
    ['enqueue', 'synthetic:24', '--weights', rig.weightsFile],
  ];

  test('wrong keys, or a bucket that is missing: exit 4 with operation, bucket and prefix', async () => {
    const rig = await place.rig();
    await areRefused(
      place,
      rig,
      commits(rig),
      { env: { AWS_SECRET_ACCESS_KEY: WRONG_SECRET } },
      new RegExp(`STORE_DENIED: (Put|Get)Object of "[^"]+" in ${where(rig)} failed: SignatureDoesNotMatch`),
    );
    await areRefused(
      place,
      rig,
      [...commits(rig), ['status']],
      { env: { AWS_ACCESS_KEY_ID: 'nobody' } },
      new RegExp(`STORE_DENIED: (PutObject|GetObject|ListObjectsV2) of "[^"]*" in ${where(rig)} failed: `),
    );
    await areRefused(
      place,
      rig,
      [...commits(rig), ['status']],
      { settings: { store: 's3://no-such-bucket/results' } },
      new RegExp(
        `NO_SUCH_BUCKET: (PutObject|GetObject|ListObjectsV2) of "[^"]*" in s3://no-such-bucket/results at ${rig.settings.s3Endpoint} failed: NoSuchBucket`,
      ),
    );
  }, 120_000);

  test.each([
    ['encoder', 'shards', 'PutObject', 'PUT'],
    ['ingest', 'manifests', 'PutObject', 'PUT'],
    ['ingest', 'commits', 'ListObjectsV2', 'GET'],
  ] as const)(
    'a worker %s without permission on %s/ (%s) ends with exit 4; its jobs go back, and another one does them',
    async (stage, prefix, operation, method) => {
      const rig = await place.rig();
      const { run } = await rig.enqueue({ dataset: 'synthetic:24' });
      const { rules } = place.proxy.s3!;
      rules.push({
        match: { method, path: new RegExp(`runs(/|%2F)${run}(/|%2F)${prefix}`) },
        action: { status: 403, code: 'AccessDenied' },
      });
      const said = new RegExp(
        `STORE_DENIED: ${operation} of "runs/${run}/${prefix}/[^"]*" in ${where(rig)} failed: AccessDenied \\(HTTP 403\\)`,
      );
      await endsAndAnotherGoesOn(place, rig, run, stage, said, () => rules.splice(0));
    },
    90_000,
  );

  test('a PUT answered 404 is never success', async () => {
    const rig = await place.rig();
    const { run } = await rig.enqueue({ dataset: 'synthetic:24' });
    const { rules } = place.proxy.s3!;
    rules.push({ match: { method: 'PUT', path: /\/commits\// }, action: { status: 404, code: 'NoSuchKey' } });
    const said = new RegExp(
      `NO_SUCH_BUCKET: PutObject of "runs/${run}/commits/0000\\d.json" in ${where(rig)} failed: NoSuchKey \\(HTTP 404\\)`,
    );
    await endsAndAnotherGoesOn(place, rig, run, 'encoder', said, async () => {
      rules.splice(0);
      expect((await listCommitted(rig.store, run)).size).toBe(0);
    });
  }, 90_000);
});

describeFault(20, 'a folder that refuses', { stores: ['file'] }, (place) => {
  test('a store that cannot be a folder: exit 4 with what was tried and where', async () => {
    const rig = await place.rig();
    const file = join(rig.folder, 'a-file');
    await writeFile(file, 'no folder');
    const commands = [
      ['worker', 'ingest'],
      ['worker', 'encoder', ...CPU],
      ['enqueue', 'synthetic:24', '--weights', rig.weightsFile],
    ];
    await areRefused(
      place,
      rig,
      commands,
      { settings: { store: `file://${file}` } },
      new RegExp(`STORE_DENIED: .*"[^"]+".* in file://${file}`),
    );
  }, 60_000);

  test.each([
    ['encoder', 'shards'],
    ['ingest', 'manifests'],
  ] as const)(
    'a worker %s that cannot write to %s/ ends with exit 4; its jobs go back, and another one does them',
    async (stage, prefix) => {
      const rig = await place.rig();
      const { run } = await rig.enqueue({ dataset: 'synthetic:24' });
      // Whoever is root may write everywhere, but not below a file.
      const folder = join(fileURLToPath(rig.store.url), 'runs', run, prefix);
      await writeFile(folder, 'no folder');
      const said = new RegExp(`STORE_DENIED: Cannot write "runs/${run}/${prefix}/[^"]+" in ${rig.store.url}`);
      await endsAndAnotherGoesOn(place, rig, run, stage, said, () => rm(folder));
    },
    90_000,
  );
});
