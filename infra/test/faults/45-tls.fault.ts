import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { Agent } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import type { Settings } from '@showtell/shared/config';
import { until } from '../../../packages/shared/test/queue/until';
import { freePort, type RedisServer, startRedisServer } from '../redis-server';
import { s3TestServer } from '../s3-server';
import { type Certificates, hasOpenssl, makeCertificates } from './certificates';
import { describeFault } from './fault';

const CREDENTIALS = { accessKeyId: 'showtell-tls', secretAccessKey: 'not-to-be-seen-7c1d' };
const PASSWORD = 'not-to-be-seen-41fe';
const BUCKET = 'showtell-tls';
const s3 = s3TestServer();
const missing = hasOpenssl() ? (s3 && 'program' in s3 ? undefined : 'no versitygw on the PATH') : 'no openssl on the PATH';

interface TlsServers {
  /** Of `localhost`, and of no address. */
  readonly own: Certificates;
  readonly redisPort: number;
  readonly s3Port: number;
  stop(): Promise<void>;
}

/** Both servers behind TLS alone, with one certificate. */
async function startTlsServers(folder: string): Promise<TlsServers> {
  const own = makeCertificates(folder, 'servers', 'DNS:localhost');
  const [redisPort, s3Port] = [await freePort(), await freePort()];
  const files = ['--tls-cert-file', own.cert, '--tls-key-file', own.key, '--tls-ca-cert-file', own.ca];
  const redis: RedisServer = await startRedisServer({
    password: PASSWORD,
    args: ['--tls-port', String(redisPort), '--tls-auth-clients', 'no', ...files],
  });
  const data = join(folder, 'data');
  await mkdir(data);
  const program = (s3 as { program: string }).program;
  const child: ChildProcess = spawn(
    program,
    ['--quiet', '--port', `127.0.0.1:${s3Port}`, '--cert', own.cert, '--key', own.key, 'posix', data],
    {
      stdio: 'ignore',
      env: { ...process.env, ROOT_ACCESS_KEY: CREDENTIALS.accessKeyId, ROOT_SECRET_KEY: CREDENTIALS.secretAccessKey },
    },
  );
  const client = new S3Client({
    endpoint: `https://localhost:${s3Port}`,
    credentials: CREDENTIALS,
    region: 'us-east-1',
    forcePathStyle: true,
    maxAttempts: 1,
    requestHandler: { httpsAgent: new Agent({ ca: readFileSync(own.ca) }) },
  });
  await until(
    () =>
      client.send(new CreateBucketCommand({ Bucket: BUCKET })).then(
        () => true,
        () => false,
      ),
    20_000,
  );
  client.destroy();
  return {
    own,
    redisPort,
    s3Port,
    async stop() {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
      await redis.stop();
    },
  };
}

describeFault(45, 'TLS to Redis and S3', { secrets: [PASSWORD, CREDENTIALS.secretAccessKey], missing }, (place) => {
  let folder: string;
  let servers: TlsServers;
  let stranger: Certificates;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'showtell-tls-'));
    servers = await startTlsServers(folder);
    stranger = makeCertificates(folder, 'stranger', 'DNS:localhost');
  }, 40_000);
  afterAll(async () => {
    await servers.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const redis = (scheme = 'rediss', host = 'localhost') => ({ redis: `${scheme}://:${PASSWORD}@${host}:${servers.redisPort}` });
  const store = (scheme = 'https', host = 'localhost') => ({
    store: `s3://${BUCKET}/tls`,
    s3Endpoint: `${scheme}://${host}:${servers.s3Port}`,
  });
  const environment = (ca: string | undefined) => ({
    AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
    NODE_EXTRA_CA_CERTS: ca,
  });

  test('a run through both, their authority named by NODE_EXTRA_CA_CERTS', async () => {
    const rig = await place.rig();
    const options = { settings: { ...redis(), ...store() }, env: environment(servers.own.ca) };
    const enqueued = place.showtell(rig, ['enqueue', 'synthetic:16', '--run', 'tls', '--weights', rig.weightsFile], options);
    expect({ ...(await enqueued.exit), said: enqueued.said() }).toMatchObject({ code: 0 });
    const workers = (['ingest', 'encoder'] as const).map((stage) => place.program(rig, stage, { ...options, args: ['--once'] }));
    for (const { exit, said } of workers) expect({ ...(await exit), said: said() }).toMatchObject({ code: 0 });
    const status = place.showtell(rig, ['status', 'tls', '--json'], options);
    expect(await status.exit).toEqual({ code: 0, signal: null });
    expect(JSON.parse(status.said())).toMatchObject({ state: 'complete' });
  }, 90_000);

  const UNTRUSTED = /UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_GET_ISSUER_CERT/;
  const CASES: [string, { host?: string; ca: 'own' | 'stranger' | 'none' }, RegExp][] = [
    ['whose authority nobody has named', { ca: 'none' }, UNTRUSTED],
    ['of another authority than the one that is named', { ca: 'stranger' }, UNTRUSTED],
    ['of another name', { host: '127.0.0.1', ca: 'own' }, /ERR_TLS_CERT_ALTNAME_INVALID/],
  ];
  /** What a worker says that cannot start. */
  async function refused(settings: Partial<Settings>, ca: 'own' | 'stranger' | 'none'): Promise<string> {
    const rig = await place.rig();
    const file = { own: servers.own.ca, stranger: stranger.ca, none: undefined }[ca];
    const worker = place.program(rig, 'ingest', { settings, env: environment(file) });
    expect({ ...(await worker.exit), said: worker.said() }).toMatchObject({ code: 4 });
    return worker.said();
  }

  test.each(CASES)(
    'Redis with a certificate %s: exit 4, naming the setting',
    async (_what, { host, ca }, code) => {
      const said = await refused(redis('rediss', host), ca);
      expect(said).toMatch(/REDIS_UNREACHABLE: Redis at \S+:\d+ \(REDIS_URL\) cannot be spoken to over TLS: /);
      expect(said).toMatch(code);
      expect(said).toContain('NODE_EXTRA_CA_CERTS');
    },
    30_000,
  );

  test.each(CASES)(
    'S3 with a certificate %s: exit 4, naming the setting',
    async (_what, { host, ca }, code) => {
      const said = await refused(store('https', host), ca);
      expect(said).toMatch(/STORE_UNREACHABLE: .* in s3:\S+ at https:\/\/\S+ failed: /);
      expect(said).toMatch(code);
      expect(said).toMatch(/S3_ENDPOINT.*NODE_EXTRA_CA_CERTS/);
    },
    30_000,
  );

  test('without TLS where the server wants it, and with TLS where it does not', async () => {
    expect(await refused(redis('redis'), 'own')).toMatch(/REDIS_UNREACHABLE: .*\(REDIS_URL\)/);
    const plain = { redis: place.redis.url.replace('redis:', 'rediss:') };
    expect(await refused(plain, 'own')).toMatch(/REDIS_UNREACHABLE: .*\(REDIS_URL\)/);
    expect(await refused(store('http'), 'own')).toMatch(/STORE_(UNREACHABLE|DENIED): .* at http:/);
  }, 60_000);
});
