import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EXIT, isShowtellError } from '@showtell/shared/errors';
import { latestManifestNumber } from '@showtell/shared/manifests';
import { openQueues, type RedisServices } from '@showtell/shared/queue/open-queues';
import { LIVE_STATES } from '@showtell/shared/queue/queues';
import type { Point } from '@showtell/shared/reached';
import { Shutdown } from '@showtell/shared/shutdown';
import { enqueueTraining } from '@showtell/trainer/admin/enqueue-training';
import { Random } from '@showtell/trainer/model/random';
import { readDone } from '@showtell/trainer/train/done';
import pino from 'pino';
import { until } from '../../../packages/shared/test/queue/until';
import { atPoint } from '../faults/fault';
import {
  checkLatest,
  checkSameAs,
  requestOf,
  SMALL,
  startLooseTraining,
  type TrainingProgram,
  undisturbed,
} from '../faults/training-program';
import { checkInvariants } from '../invariants';
import { type PipelineRig, pipelineRig } from '../pipeline-rig';
import { startRedisServer } from '../redis-server';
import { s3TestServer, startVersitygw } from '../s3-server';
import { startShowtell, startWorkerProgram } from '../worker-program';
import { type Exit, Keeper } from './keeper';
import { Storm } from './storm';

const SEED = Number(process.env['SHOWTELL_TEST_SEED'] ?? 1);
const MINUTES = Number(process.env['SHOWTELL_SOAK_MINUTES'] ?? 1);
const DATASET = 'synthetic:160';
const SPLITS = ['train', 'val'];
const SHARD_ROWS = 5;
/** Some seconds of steps and checkpoints. */
const SET = { ...SMALL, units: 48, embedding: 32, epochs: 12, patience: null };
/** How long a round is disturbed; then it has to come to its end. */
const STORM_MS = 30_000;
const CALM_MS = 240_000;
const ENCODERS = 3;

const COMMITS: readonly Point[] = ['commit:part-written', 'commit:parts-written', 'commit:record-written'];
const POINTS: Readonly<Record<'ingest' | 'encoder' | 'trainer', readonly Point[]>> = {
  ingest: ['ingest:block-put', 'ingest:before-handover', 'ingest:handed-over', 'finalize:read', ...COMMITS],
  encoder: ['encode:fetched', 'encode:encoded', 'encode:before-ack', ...COMMITS],
  trainer: [
    'train:stepped',
    'train:validating',
    'checkpoint:figures-kept',
    'checkpoint:before-aliases',
    'checkpoint:latest-moved',
    ...COMMITS,
  ],
};
/** Of the starts of a program, how many die at a line that is drawn. */
const DEADLY = 0.3;

const say = (line: string) => void process.stdout.write(`${line}\n`);

test(
  `everything killed at random for ${MINUTES} minutes (--seed ${SEED}): nothing lost, nothing twice, losses equal`,
  async () => {
    const found = s3TestServer();
    if (found === undefined || !('program' in found)) throw new Error('The soak kills its S3 server: put versitygw on the PATH');
    const folder = mkdtempSync(join(tmpdir(), 'showtell-soak-'));
    say(`Seed ${SEED}, ${MINUTES} minutes, folder ${folder}`);
    const logs = join(folder, 'logs');
    for (const path of [logs, join(folder, 'redis'), join(folder, 's3')]) mkdirSync(path);
    const random = new Random(SEED);
    const password = randomBytes(12).toString('hex');
    const redis = await startRedisServer({ password, folder: join(folder, 'redis') });
    const s3 = await startVersitygw(found.program, join(folder, 's3'));
    process.env['AWS_ACCESS_KEY_ID'] = s3.credentials.accessKeyId;
    process.env['AWS_SECRET_ACCESS_KEY'] = s3.credentials.secretAccessKey;
    const rig = await pipelineRig(redis.url, {
      store: `s3://${s3.bucket}/soak`,
      s3Endpoint: s3.endpoint,
      drainSeconds: 3,
      // Longer than elsewhere in tests: many programs share the cores.
      lockSeconds: 4,
      stalledSeconds: 1,
      checkpointSeconds: 1,
      logLevel: 'info',
    });
    const secrets = [password, s3.credentials.secretAccessKey];
    const keepers = new Set<Keeper>();
    /** Starts of those that are gone. */
    let ended = 0;
    const keep = (options: Pick<Keeper['options'], 'name' | 'start' | 'mayEnd' | 'isDone'>): Keeper => {
      const keeper = new Keeper({ ...options, random, folder: logs, secrets });
      keepers.add(keeper);
      void keeper.ended.finally(() => {
        keepers.delete(keeper);
        ended += keeper.starts;
      });
      return keeper;
    };
    const deadly = (stage: keyof typeof POINTS): NodeJS.ProcessEnv => {
      if (random.uniform() > DEADLY) return {};
      const points = POINTS[stage];
      return atPoint(rig, { point: points[random.below(points.length)]!, nth: 1 + random.below(8), act: 'kill' }).env;
    };
    const worker = (stage: keyof typeof POINTS, name: string): Keeper =>
      keep({ name, start: () => startWorkerProgram(rig, stage, { env: deadly(stage) }), mayEnd: mayWorkerEnd });

    let run = 'reference';
    const commands: Exit[] = [];
    const showtell = async (args: readonly string[], killAfterMs?: number): Promise<Exit> => {
      const program = startShowtell(rig, args);
      const timer = killAfterMs === undefined ? undefined : setTimeout(() => program.child.kill('SIGKILL'), killAfterMs);
      const exit = { ...(await program.exit), said: program.said() };
      clearTimeout(timer);
      commands.push(exit);
      return exit;
    };
    const enqueue = (killAfterMs?: number) =>
      showtell(
        ['enqueue', DATASET, '--run', run, '--split', SPLITS.join(','), '--shard-rows', String(SHARD_ROWS), '--weights', rig.weightsFile],
        killAfterMs,
      );
    const enqueueAgain = async (killAfterMs: number | undefined) => void (await enqueue(killAfterMs));
    const storm = new Storm({ random, redis, s3, keepers: () => [...keepers], enqueueAgain });

    try {
      await soak();
    } catch (error) {
      say(`Failed with --seed ${SEED}; logs and objects are in ${folder}`);
      throw error;
    } finally {
      for (const keeper of keepers) await keeper.kill();
      await redis.stop();
      await s3.stop();
    }
    await rig.close();
    rmSync(folder, { recursive: true, force: true });

    async function soak(): Promise<void> {
      await rig.enqueue({ run, dataset: DATASET, splits: SPLITS, shardRows: SHARD_ROWS });
      await rig.drain();
      const expected = await checkInvariants(rig.store, run);
      await undisturbed(rig.store, run, 'undisturbed', SET);

      worker('ingest', 'ingest');
      for (let encoder = 1; encoder <= ENCODERS; encoder++) worker('encoder', `encoder-${encoder}`);
      const began = performance.now();
      let [minute, round, passed] = [0, 0, 0];
      const tell = () =>
        say(
          `Minute ${minute}: ${passed} rounds, ${passed * (expected.features.size + expected.rejected.size)} samples in one row each; ` +
            `${[...keepers].reduce((sum, { starts }) => sum + starts, ended)} starts of workers; ` +
            [...storm.counts].map(([what, count]) => `${count} × ${what}`).join(', '),
        );
      const timer = setInterval(() => {
        minute += 1;
        tell();
      }, 60_000);
      const wrongs = () => [
        ...[...keepers].flatMap((keeper) => keeper.wrongs),
        ...commands
          .filter((exit) => !mayCommandEnd(exit))
          .map(({ code, signal, said }) => `enqueue: exit code ${code}, signal ${signal}\n${said}`),
        ...commands.filter(({ said }) => secrets.some((secret) => said.includes(secret))).map(() => 'enqueue: a secret in what it said'),
      ];

      while (performance.now() - began < MINUTES * 60_000) {
        const before = run;
        run = `round-${++round}`;
        const training = `${run}-captioner`;
        const lives: TrainingProgram[] = [];
        const here = random.below(2) === 0;
        storm.begin();
        await enqueue(random.below(2) === 0 ? 1_500 * random.uniform() : undefined);
        const trainer = here
          ? keep({
              name: `trainer-${round}`,
              start: (last) => {
                const resume = last !== undefined && !last.said.includes('NOT_FOUND: ');
                const life = startLooseTraining(rig, before, training, { set: SET, resume, env: deadly('trainer') });
                lives.push(life);
                return life;
              },
              mayEnd: mayTrainerEnd,
              isDone: ({ code, said }) => code === EXIT.DONE && said.includes('"outcome":"completed"'),
            })
          : worker('trainer', `trainer-${round}`);
        const asked = here
          ? Promise.resolve()
          : withQueues(rig, ({ queues }) => enqueueTraining(rig.store, queues, requestOf(before, training, SET)));
        const complete = () =>
          evenIfAway(async () => (await latestManifestNumber(rig.store, run)) > 0 && (await readDone(rig.store, training)) !== undefined);
        const stormEnds = performance.now() + STORM_MS;
        await asked;
        while (performance.now() < stormEnds && !(await complete()) && wrongs().length === 0)
          await new Promise((go) => setTimeout(go, 200));
        await storm.end();
        // An operator who had a command killed gives it once more.
        await until(async () => (await enqueue()).code === EXIT.DONE, CALM_MS);
        await until(async () => (await complete()) || wrongs().length > 0, CALM_MS);
        if (here) await trainer.ended;
        else await trainer.stop();
        expect(trainer.wrongs).toEqual([]);
        expect(wrongs()).toEqual([]);

        const { features, rejected } = await checkInvariants(rig.store, run);
        expect(rejected).toEqual(expected.rejected);
        expect(features).toEqual(expected.features);
        await checkSameAs(
          rig.store,
          training,
          lives.flatMap(({ events }) => events),
        );
        if (here)
          await checkLatest(
            rig.store,
            training,
            lives.flatMap(({ events }) => events),
          );
        await withQueues(rig, checkNothingLeft);
        passed += 1;
      }
      clearInterval(timer);
      const left = [...keepers];
      for (const keeper of left) await keeper.stop();
      expect(left.flatMap((keeper) => keeper.wrongs)).toEqual([]);
      tell();
    }
  },
  (MINUTES + 10) * 60_000,
);

const wasTold = ({ said }: Exit) => said.includes('stopping; a second signal stops at once');
/** Stopped while it starts: it may not know yet how it logs. */
const unready = ({ said }: Exit) => !/(worker|encoder) is ready/.test(said);
/** Told so before it listens. */
const early = ({ signal }: Exit) => signal === 'SIGTERM';
/** Redis or the store was away when it started. */
const foundNobody = ({ code, said }: Exit) => code === EXIT.STORE && /(STORE|REDIS)_UNREACHABLE: /.test(said);

/** Its engine was killed before there was a job. */
const lostEngine = ({ code, said }: Exit) => code === EXIT.DAMAGED && said.includes('ENGINE_CRASHED: ');

const mayWorkerEnd = (exit: Exit) =>
  foundNobody(exit) ||
  lostEngine(exit) ||
  early(exit) ||
  ((exit.code === EXIT.DONE || exit.code === EXIT.INTERRUPTED) && (wasTold(exit) || unready(exit)));
const mayTrainerEnd = (exit: Exit) =>
  foundNobody(exit) ||
  early(exit) ||
  (exit.code === EXIT.DONE && /"outcome":"(completed|stopped)"/.test(exit.said)) ||
  exit.code === EXIT.INTERRUPTED ||
  (exit.code === EXIT.USAGE && /(TRAINING_EXISTS: .* and is not done|NOT_FOUND: No training)/.test(exit.said));
const mayCommandEnd = (exit: Exit) =>
  exit.signal === 'SIGKILL' || exit.code === EXIT.DONE || foundNobody(exit) || exit.said.includes('RUN_LOCKED: ');

async function evenIfAway(look: () => Promise<boolean>): Promise<boolean> {
  try {
    return await look();
  } catch (error) {
    if (isShowtellError(error) && error.exitCode === EXIT.STORE) return false;
    throw error;
  }
}

async function withQueues<T>(rig: PipelineRig, work: (services: RedisServices) => Promise<T>): Promise<T> {
  const logger = pino({ level: 'silent' });
  for (;;) {
    const opened = new Shutdown(logger);
    try {
      return await work(await openQueues(rig.settings, logger, opened));
    } catch (error) {
      if (!isShowtellError(error) || error.exitCode !== EXIT.STORE) throw error;
    } finally {
      await opened.run();
    }
  }
}

/** No job, failed or not, no reservation. */
async function checkNothingLeft({ queues, window }: RedisServices): Promise<void> {
  const left = async () => {
    const counts: Record<string, number> = { reserved: await window.reserved() };
    for (const queue of [queues.ingest, queues.encode('float32'), queues.finalize, queues.train])
      counts[queue.name] = await queue.getJobCountByTypes(...LIVE_STATES, 'failed');
    return counts;
  };
  const nothing = { reserved: 0, ingest: 0, 'encode-float32': 0, finalize: 0, train: 0 };
  // A worker may be about to tell that it is done.
  await until(async () => Object.values(await left()).every((count) => count === 0), 30_000).catch(() => {});
  expect(await left()).toEqual(nothing);
}
