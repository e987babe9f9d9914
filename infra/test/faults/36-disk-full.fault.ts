import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { GREY_PICTURE } from '@showtell/cli/grey-picture';
import { latestManifestNumber } from '@showtell/shared/manifests';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { until } from '../../../packages/shared/test/queue/until';
import { describeOnSmallDisk } from '../../../packages/shared/test/small-disk';
import { checkInvariants } from '../invariants';
import { s3TestServer, startVersitygw } from '../s3-server';
import { atPoint, describeFault } from './fault';
import { startFaultProxy } from './fault-proxy';
import { checkLatest, checkSameAs, encodedRun, latestOf, startTraining, undisturbed } from './training-program';

const DISK_BYTES = 8 * 2 ** 20;

/** Takes all room that a disk has, to the last byte; the answer gives it back. */
function fill(disk: string): () => void {
  const path = join(disk, `filler-${process.hrtime.bigint()}`);
  const fd = openSync(path, 'w');
  try {
    for (let bytes = 2 ** 16; bytes >= 1; )
      try {
        writeSync(fd, Buffer.alloc(bytes));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        bytes = Math.floor(bytes / 2);
      }
  } finally {
    closeSync(fd);
  }
  return () => rmSync(path);
}

/** Whatever a test that failed has not given back. */
function empty(disk: string): void {
  for (const name of readdirSync(disk)) if (name.startsWith('filler-')) rmSync(join(disk, name));
}

async function keysAndBytes(store: ObjectStore): Promise<string[]> {
  const found: string[] = [];
  for await (const { key, bytes } of store.list('')) found.push(`${key} ${bytes}`);
  return found;
}

async function leftoversOf(store: ObjectStore): Promise<string[]> {
  const found: string[] = [];
  for await (const { key } of store.leftovers()) found.push(key);
  return found;
}

describeFault(36, 'a full disk', { stores: ['file'] }, (place) => {
  describeOnSmallDisk('below the store', DISK_BYTES, (disk) => {
    afterEach(() => empty(disk));
    test('workers wait, write nothing and leave nothing; with room again they go on by themselves', async () => {
      const rig = await place.rig({ store: pathToFileURL(join(disk, 'encoding')).href });
      const { store } = rig;
      const { run } = await rig.enqueue();
      const stop = atPoint(rig, { point: 'encode:encoded', act: 'stop' });
      const [ingest, encoder] = [place.program(rig, 'ingest'), place.program(rig, 'encoder', { env: stop.env })];
      await until(stop.happened, 60_000);
      const before = await keysAndBytes(store);
      const free = fill(disk);
      encoder.child.kill('SIGCONT');
      await until(() => /"code":"DISK_FULL".*what a job needs is away/.test(encoder.said()), 60_000);
      expect(await keysAndBytes(store)).toEqual(before);
      expect(await leftoversOf(store)).toEqual([]);
      free();
      await until(async () => (await latestManifestNumber(store, run)) > 0, 60_000);
      for (const program of [ingest, encoder]) {
        program.child.kill('SIGTERM');
        expect(await program.exit).toEqual({ code: 0, signal: null });
      }
      const { features, rejected } = await checkInvariants(store, run);
      expect(rejected.size).toBe(0);
      const again = await rig.enqueue({ run: 'undisturbed' });
      await rig.drain();
      expect(features).toEqual((await checkInvariants(store, again.run)).features);
    }, 120_000);

    test('a checkpoint that finds no room ends the training with 4; latest stays, and with room again it goes on', async () => {
      const rig = await place.rig({ store: pathToFileURL(join(disk, 'training')).href, lockSeconds: 1 });
      const { store } = rig;
      const run = await encodedRun(rig);
      await undisturbed(store, run);
      const stop = atPoint(rig, { point: 'checkpoint:figures-kept', nth: 2, act: 'stop' });
      const first = startTraining(place, rig, run, 'full', { env: stop.env });
      await until(stop.happened, 60_000);
      const latest = await latestOf(store, 'full');
      const free = fill(disk);
      first.child.kill('SIGCONT');
      expect({ ...(await first.exit), said: first.said() }).toEqual({
        code: 4,
        signal: null,
        said: expect.stringMatching(
          /^DISK_FULL: Cannot write "trainings\/full\/\S+" in file:\S+: ENOSPC.*\n {2}Make room on the disk; what was committed is untouched\.\n/m,
        ),
      });
      expect(await latestOf(store, 'full')).toEqual(latest);
      await checkLatest(store, 'full', first.events);
      expect(await leftoversOf(store)).toEqual([]);
      const refused = startTraining(place, rig, run, 'full', { resume: true });
      expect({ ...(await refused.exit), said: refused.said() }).toEqual({
        code: 4,
        signal: null,
        said: expect.stringMatching(/^DISK_FULL: /m),
      });
      free();
      const second = startTraining(place, rig, run, 'full', { resume: true });
      expect({ ...(await second.exit), said: second.said() }).toMatchObject({ code: 0 });
      await checkSameAs(store, 'full', [...first.events, ...second.events]);
      await checkInvariants(store, run);
    }, 120_000);
  });

  describeOnSmallDisk('below the log', 2 ** 18, (disk) => {
    afterEach(() => empty(disk));
    test('stops no worker; what is told afterwards is written in whole lines', async () => {
      const rig = await place.rig();
      const path = join(disk, 'encoder.log');
      const log = openSync(path, 'a');
      try {
        const free = fill(disk);
        const encoder = place.program(rig, 'encoder', { log });
        place.program(rig, 'ingest');
        const { run } = await rig.enqueue();
        await until(async () => (await latestManifestNumber(rig.store, run)) > 0, 60_000);
        expect(readFileSync(path, 'utf8')).toBe('');
        free();
        encoder.child.kill('SIGTERM');
        expect(await encoder.exit).toEqual({ code: 0, signal: null });
        const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
        const messages = lines.map((line) => (JSON.parse(line) as { msg: string }).msg);
        expect(messages).toContain('encoder worker is ready');
        expect(messages).toContain('stopping; a second signal stops at once');
        await checkInvariants(rig.store, run);
      } finally {
        closeSync(log);
      }
    }, 90_000);

    test('and below an answer it is told, with exit code 4', async () => {
      const rig = await place.rig();
      const { run } = await rig.enqueue();
      const out = openSync(join(disk, 'answer.json'), 'a');
      const free = fill(disk);
      try {
        const status = place.showtell(rig, ['status', run, '--json'], { answer: out });
        expect({ ...(await status.exit), said: status.said() }).toEqual({
          code: 4,
          signal: null,
          said: expect.stringMatching(/^DISK_FULL: Cannot write to standard output: ENOSPC.*\n {2}Make room on that disk/m),
        });
      } finally {
        free();
        closeSync(out);
      }
      await rig.drain();
      await checkInvariants(rig.store, run);
    }, 60_000);
  });

  describeOnSmallDisk('of temporary files', 2 ** 20, (disk) => {
    afterEach(() => empty(disk));
    test('is told, nothing is left there, and with room again the same command succeeds', async () => {
      const rig = await place.rig();
      const { run } = await rig.enqueue();
      await rig.drain();
      const photo = join(rig.folder, 'photo.png');
      writeFileSync(photo, GREY_PICTURE);
      const temporary = join(disk, 'tmp');
      mkdirSync(temporary);
      const encode = () =>
        place.showtell(rig, ['encode', photo, '--weights', rig.weightsFile, '--device', 'cpu'], { env: { TMPDIR: temporary } });
      const free = fill(disk);
      const full = encode();
      expect({ ...(await full.exit), said: full.said() }).toEqual({
        code: 4,
        signal: null,
        said: expect.stringMatching(/^DISK_FULL: Cannot write the encoder's weights to \S+\/tmp\S*: ENOSPC.*\n {2}Make room on that disk/m),
      });
      expect(readdirSync(temporary)).toEqual([]);
      free();
      expect(await encode().exit).toEqual({ code: 0, signal: null });
      expect(readdirSync(temporary)).toEqual([]);
      await checkInvariants(rig.store, run);
    }, 60_000);
  });
});

describeFault(36, 'a full disk', { stores: ['s3'] }, (place) => {
  describeOnSmallDisk('of the S3 server', DISK_BYTES, (disk) => {
    afterEach(() => empty(disk));
    test('a training waits within the deadlines of the store, and goes on when there is room', async () => {
      const found = s3TestServer();
      // A server that the tester named is not on a small disk.
      if (found === undefined || !('program' in found)) return;
      const folder = join(disk, 's3');
      mkdirSync(folder);
      const s3 = await startVersitygw(found.program, folder);
      const proxy = await startFaultProxy({ url: s3.endpoint });
      const others = { id: process.env['AWS_ACCESS_KEY_ID'], secret: process.env['AWS_SECRET_ACCESS_KEY'] };
      process.env['AWS_ACCESS_KEY_ID'] = s3.credentials.accessKeyId;
      process.env['AWS_SECRET_ACCESS_KEY'] = s3.credentials.secretAccessKey;
      try {
        const rig = await place.rig({ store: `s3://${s3.bucket}/full`, s3Endpoint: proxy.url });
        const { store } = rig;
        const run = await encodedRun(rig);
        await undisturbed(store, run);
        const stop = atPoint(rig, { point: 'checkpoint:figures-kept', nth: 2, act: 'stop' });
        const training = startTraining(place, rig, run, 'full', { env: stop.env });
        await until(stop.happened, 60_000);
        const latest = await latestOf(store, 'full');
        const free = fill(disk);
        training.child.kill('SIGCONT');
        await until(() => proxy.requests.filter(({ status }) => status === 507).length > 5, 60_000);
        expect(await latestOf(store, 'full')).toEqual(latest);
        free();
        expect({ ...(await training.exit), said: training.said() }).toMatchObject({ code: 0 });
        await checkSameAs(store, 'full', training.events);
        await checkLatest(store, 'full', training.events);
        await checkInvariants(store, run);
      } finally {
        process.env['AWS_ACCESS_KEY_ID'] = others.id;
        process.env['AWS_SECRET_ACCESS_KEY'] = others.secret;
        await proxy.stop();
        await s3.stop();
      }
    }, 120_000);
  });
});
