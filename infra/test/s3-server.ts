import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectsCommand,
  HeadBucketCommand,
  ListObjectsV2Command,
  S3Client,
} from '@aws-sdk/client-s3';

export interface S3TestServer {
  readonly endpoint: string;
  /** A bucket of this server's own. */
  readonly bucket: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** Ends the server and removes what it stored. */
  stop(): Promise<void>;
}

/** A server of the test's own, to which things happen. */
export interface OwnS3Server extends S3TestServer {
  /** SIGKILL, as when the machine dies; what was answered is stored. */
  kill(): Promise<void>;
  /** Starts it again on the same port and objects. */
  restart(): Promise<void>;
  /** SIGSTOP, SIGCONT. */
  signal(name: NodeJS.Signals): void;
}

const START_MS = 20_000;

/** Where the S3 server of tests comes from: an address the tester names, or a program on the PATH; `undefined` when there is none. */
export function s3TestServer(): { readonly endpoint: string } | { readonly program: string } | undefined {
  if (process.env['S3_TEST_ENDPOINT']) return { endpoint: process.env['S3_TEST_ENDPOINT'] };
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const program = join(folder, 'versitygw');
    try {
      accessSync(program, constants.X_OK);
      return { program };
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}

/** What a suite that needs S3 says when it is skipped. */
export const NO_S3 = 'needs an S3 server: put versitygw on the PATH or set S3_TEST_ENDPOINT, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY';

/**
 * An S3 server with an empty bucket: versitygw on a free loopback port, in a temporary folder, with a secret of its own;
 * or a new bucket on `S3_TEST_ENDPOINT`. `undefined` when there is neither.
 */
export async function startS3(): Promise<S3TestServer | undefined> {
  const found = s3TestServer();
  if (!found) return undefined;
  if ('program' in found) return startVersitygw(found.program);
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = process.env;
  if (!accessKeyId || !secretAccessKey) throw new Error(`S3_TEST_ENDPOINT is set but the credentials are not; it ${NO_S3}`);
  return withBucket(found.endpoint, { accessKeyId, secretAccessKey }, async () => {});
}

/** @param given where it keeps its objects, which then stay when it is stopped; a temporary folder otherwise. */
export async function startVersitygw(program: string, given?: string): Promise<OwnS3Server> {
  const folder = given ?? (await mkdtemp(join(tmpdir(), 'showtell-s3-')));
  const data = join(folder, 'data');
  await mkdir(data);
  const credentials = { accessKeyId: 'showtell-test', secretAccessKey: randomBytes(18).toString('base64url') };
  const address = `127.0.0.1:${await freePort()}`;
  const endpoint = `http://${address}`;
  const errors: Buffer[] = [];
  let child: ChildProcess;
  const start = () => {
    child = spawn(program, ['--quiet', '--port', address, 'posix', data], {
      stdio: ['ignore', 'ignore', 'pipe'],
      // By the environment, so that the secret is in no list of processes.
      env: { ...process.env, ROOT_ACCESS_KEY: credentials.accessKeyId, ROOT_SECRET_KEY: credentials.secretAccessKey },
    });
    child.stderr!.on('data', (chunk: Buffer) => errors.push(chunk));
  };
  const check = () => {
    if (child.exitCode !== null) throw new Error(`${program} ended with ${child.exitCode}: ${Buffer.concat(errors).toString()}`);
  };
  // A test run that ends early must not leave its server behind.
  const killAtExit = () => child.kill('SIGKILL');
  process.once('exit', killAtExit);
  const stop = async () => {
    process.off('exit', killAtExit);
    await end(child);
    if (given === undefined) await rm(folder, { recursive: true, force: true });
  };
  start();
  try {
    const server = await withBucket(endpoint, credentials, stop, check);
    return {
      ...server,
      ...(given !== undefined && { stop }),
      async kill() {
        const gone = once(child, 'exit');
        if (child.exitCode !== null || child.signalCode !== null || !child.kill('SIGKILL')) return;
        await gone;
      },
      async restart() {
        start();
        const last = Date.now() + START_MS;
        // Whatever it answers, it is there.
        while (!(await fetch(endpoint).then(Boolean, () => false))) {
          check();
          if (Date.now() > last) throw new Error(`${program} did not answer within ${START_MS / 1_000} s`);
          await sleep(25);
        }
      },
      signal: (name) => void child.kill(name),
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Waits until the server answers, and makes a bucket on it. */
async function withBucket(
  endpoint: string,
  credentials: S3TestServer['credentials'],
  stop: () => Promise<void>,
  check = () => {},
): Promise<S3TestServer> {
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';
  const client = new S3Client({ endpoint, credentials, region: 'us-east-1', forcePathStyle: true, maxAttempts: 1 });
  const bucket = `showtell-test-${randomBytes(6).toString('hex')}`;
  for (const last = Date.now() + START_MS; ; await sleep(25)) {
    try {
      await client.send(new CreateBucketCommand({ Bucket: bucket }));
      await client.send(new HeadBucketCommand({ Bucket: bucket }));
      break;
    } catch (error) {
      check();
      if (Date.now() > last) throw error;
    }
  }
  return {
    endpoint,
    bucket,
    credentials,
    async stop() {
      await removeBucket(client, bucket);
      client.destroy();
      await stop();
    },
  };
}

async function removeBucket(client: S3Client, bucket: string): Promise<void> {
  for (;;) {
    const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket }));
    if (Contents.length === 0) break;
    await client.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects: Contents.map(({ Key }) => ({ Key })) } }));
  }
  await client.send(new DeleteBucketCommand({ Bucket: bucket }));
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('No free port');
  return address.port;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  const gone = once(child, 'exit');
  if ((await Promise.race([gone, sleep(3_000, 'late', { ref: false })])) !== 'late') return;
  child.kill('SIGKILL');
  await gone;
}
