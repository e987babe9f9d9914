import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Settings } from '@showtell/shared/config';
import type { StoreOptions } from '@showtell/shared/object-store/open';
import type { Point } from '@showtell/shared/reached';
import { type PipelineRig, pipelineRig } from '../pipeline-rig';
import { findRedisServer, type RedisServer, startRedisServer } from '../redis-server';
import { type S3TestServer, s3TestServer, startS3 } from '../s3-server';
import { startShowtell, startWorkerProgram, type WorkerProgram, type WorkerProgramOptions } from '../worker-program';
import { type FaultProxy, startFaultProxy } from './fault-proxy';

export type StoreKind = 'file' | 's3';

/** Where a fault is tried: servers of its own, and everything that was started there. */
export interface Place {
  readonly kind: StoreKind;
  readonly redis: RedisServer;
  /** Only on S3. */
  readonly s3: S3TestServer | undefined;
  /** Only where they were asked for: in front of the servers, without a fault at the beginning of each test. */
  readonly proxy: { readonly redis: FaultProxy; readonly s3: FaultProxy | undefined };
  /** A pipeline of its own on the place's servers; closed after the test. */
  rig(flags?: Partial<Settings>, storeOptions?: StoreOptions): Promise<PipelineRig>;
  /** A real `showtell worker`; killed after the test if it still runs. */
  program(rig: PipelineRig, stage: 'ingest' | 'encoder' | 'trainer', options?: WorkerProgramOptions): WorkerProgram;
  /** Any other command of the real program; killed after the test if it still runs. */
  showtell(rig: PipelineRig, args: readonly string[], options?: Omit<WorkerProgramOptions, 'args'>): WorkerProgram;
}

export interface FaultOptions {
  /** Cases where the store matters name both; S3 if nothing is said, or the file store where no S3 server is at hand. */
  readonly stores?: readonly StoreKind[];
  /** What must not be found in any log, beside the secrets of the place's servers. */
  readonly secrets?: readonly string[];
  /** Puts a proxy in front of each server; the settings of rigs and programs point to the proxies. */
  readonly proxied?: boolean;
  /** What the case needs beside the servers and is not at hand, as `no openssl`: then it is skipped, saying so. */
  readonly missing?: string | undefined;
}

/**
 * A case of the list of faults, in each store that it names. The number and the store stand in the tests' names, by which
 * `npm run faults` makes its table.
 */
export function describeFault(
  number: number,
  title: string,
  { stores = [s3TestServer() ? 's3' : 'file'], secrets = [], proxied = false, missing: lacks }: FaultOptions,
  body: (place: Place) => void,
) {
  for (const kind of stores) {
    const name = `fault ${number} [${kind}] ${title}`;
    const missing =
      lacks ?? (findRedisServer() === undefined ? 'no Redis server' : kind === 's3' && !s3TestServer() ? 'no S3 server' : undefined);
    if (missing) {
      describe.skip(`${name} (${missing} at hand)`, () => body(undefined as never));
      continue;
    }
    describe(name, () => {
      let redis: RedisServer;
      let s3: S3TestServer | undefined;
      const password = randomBytes(12).toString('hex');
      let proxy: { redis: FaultProxy; s3: FaultProxy | undefined } | undefined;
      const rigs: PipelineRig[] = [];
      const programs: WorkerProgram[] = [];
      beforeAll(async () => {
        redis = await startRedisServer({ password });
        if (kind === 's3') {
          s3 = (await startS3())!;
          process.env['AWS_ACCESS_KEY_ID'] = s3.credentials.accessKeyId;
          process.env['AWS_SECRET_ACCESS_KEY'] = s3.credentials.secretAccessKey;
        }
        if (proxied)
          proxy = {
            redis: await startFaultProxy({ url: redis.url }),
            s3: s3 && (await startFaultProxy({ url: s3.endpoint, credentials: s3.credentials })),
          };
      });
      beforeEach(() => {
        for (const one of [proxy?.redis, proxy?.s3]) {
          one?.resume();
          one?.rules.splice(0);
          one?.requests.splice(0);
        }
      });
      afterAll(async () => {
        await proxy?.redis.stop();
        await proxy?.s3?.stop();
        await s3?.stop();
        await redis.stop();
      });
      afterEach(async () => {
        for (const { child, exit } of programs) {
          // One that was stopped (SIGSTOP) hears nothing else.
          child.kill('SIGKILL');
          await exit;
        }
        for (const rig of rigs) await rig.close();
        const said = [...programs.splice(0).map((program) => program.said()), ...rigs.splice(0).map(({ log }) => JSON.stringify(log))].join(
          '\n',
        );
        for (const secret of [password, ...secrets, ...(s3 ? [s3.credentials.secretAccessKey] : [])]) expect(said).not.toContain(secret);
        expect(said).not.toMatch(/unhandled ?rejection|"code":"BUG"|\bBUG:/i);
      });
      let folders = 0;
      body({
        kind,
        get redis() {
          return redis;
        },
        get s3() {
          return s3;
        },
        get proxy() {
          return proxy!;
        },
        async rig(flags = {}, storeOptions) {
          const at = s3 ? { store: `s3://${s3.bucket}/fault-${number}-${folders++}`, s3Endpoint: proxy?.s3?.url ?? s3.endpoint } : {};
          const rig = await pipelineRig(proxy?.redis.url ?? redis.url, { logLevel: 'info', ...at, ...flags }, storeOptions);
          rigs.push(rig);
          return rig;
        },
        program(rig, stage, options) {
          const program = startWorkerProgram(rig, stage, options);
          programs.push(program);
          return program;
        },
        showtell(rig, args, options) {
          const program = startShowtell(rig, args, options);
          programs.push(program);
          return program;
        },
      });
    });
  }
}

export interface AtPoint {
  readonly point: Point;
  /** Pattern of the subject; every one if nothing is said. */
  readonly subject?: string;
  /** Counted from 1 in each process. */
  readonly nth?: number;
  readonly act: 'kill' | 'stop' | 'term' | 'block';
  /** How long the event loop is blocked. */
  readonly milliseconds?: number;
  /** A file that says, across processes, that it has happened: nothing happens a second time. */
  readonly once?: string;
}

/** Environment of a program to which something happens when it reaches a line. `once` says that it has happened. */
export function atPoint(rig: PipelineRig, at: AtPoint): { readonly env: NodeJS.ProcessEnv; readonly happened: () => boolean } {
  const once = at.once ?? join(rig.folder, `happened-${randomBytes(4).toString('hex')}`);
  return {
    env: {
      NODE_OPTIONS: [process.env['NODE_OPTIONS'] ?? '', `--require ${join(__dirname, 'at-point.js')}`].join(' ').trim(),
      SHOWTELL_TEST_AT: JSON.stringify({ ...at, once }),
    },
    happened: () => existsSync(once),
  };
}
