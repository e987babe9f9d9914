import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { latestManifestNumber } from '@showtell/shared/manifests';
import { Redis } from 'ioredis';
import { until } from '../../../packages/shared/test/queue/until';
import type { PipelineRig } from '../pipeline-rig';
import { freePort } from '../redis-server';
import { describeFault } from './fault';

const canary = (name: string) => `canary-${name}-${randomBytes(9).toString('hex')}/+${name}`;

/** Everything that lies in Redis, as text. */
async function contentsOf(url: string): Promise<string> {
  const redis = new Redis(url);
  const reads: Record<string, (key: string) => Promise<unknown>> = {
    string: (key) => redis.get(key),
    hash: (key) => redis.hgetall(key),
    list: (key) => redis.lrange(key, 0, -1),
    set: (key) => redis.smembers(key),
    zset: (key) => redis.zrange(key, 0, '-1'),
    stream: (key) => redis.xrange(key, '-', '+'),
  };
  const all = await Promise.all((await redis.keys('*')).map(async (key) => [key, await reads[await redis.type(key)]!(key)]));
  redis.disconnect();
  return JSON.stringify(all);
}

async function objectsOf({ store }: PipelineRig): Promise<string> {
  let all = '';
  for await (const { key } of store.list('')) all += `${key}\n${(await store.get(key))?.body.toString('latin1')}\n`;
  return all;
}

/** Every file that programs have left in their folder. */
const filesOf = ({ folder }: PipelineRig): string =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.name}\n${readFileSync(join(entry.parentPath, entry.name), 'latin1')}`)
    .join('\n');

describeFault(77, 'secrets stand nowhere but where they were given', { stores: ['s3'] }, (place) => {
  test('in no output, log, job, object or file, whatever goes wrong', async () => {
    const secrets = Object.fromEntries(
      ['redis', 'key', 'token', 'source', 'weights', 'signature'].map((name) => [name, canary(name)]),
    ) as Record<'redis' | 'key' | 'token' | 'source' | 'weights' | 'signature', string>;
    const rig = await place.rig({ logLevel: 'trace', pixelWindow: 2 ** 28 });
    // A key of the source without which nothing of this store could be read: it is used for the source alone.
    const source = { SHOWTELL_SOURCE_ACCESS_KEY_ID: 'source', SHOWTELL_SOURCE_SECRET_ACCESS_KEY: secrets.source };
    const workers = [place.program(rig, 'ingest', { env: source }), place.program(rig, 'encoder', { env: source })];
    const { run } = await rig.enqueue({ run: 'good' });
    await until(async () => (await latestManifestNumber(rig.store, run)) > 0, 60_000);

    // Jobs that fail for good, with the reasons that BullMQ keeps.
    const bad = await rig.enqueue({ run: 'bad', dataset: 'synthetic:8' });
    await rig.store.delete(`runs/${bad.run}/plan.json`);
    const badly = encodeURIComponent(secrets.redis);
    const wrong = `redis://operator:${badly}@127.0.0.1:${place.redis.port}`;
    const nobody = `redis://operator:${badly}@127.0.0.1:${await freePort()}`;
    const keys = { AWS_ACCESS_KEY_ID: 'nobody', AWS_SECRET_ACCESS_KEY: secrets.key, AWS_SESSION_TOKEN: secrets.token, ...source };
    const weights = `http://me:${encodeURIComponent(secrets.weights)}@127.0.0.1:${await freePort()}/w.h5?X-Amz-Signature=${encodeURIComponent(secrets.signature)}`;
    const tries: [number, string[], Parameters<typeof place.showtell>[2]][] = [
      [4, ['status'], { settings: { redis: wrong } }],
      [4, ['worker', 'ingest'], { settings: { redis: nobody } }],
      [4, ['doctor', '--json', '--weights', 'weights.safetensors'], { settings: { redis: wrong }, env: keys }],
      [2, ['status', '--redis', wrong], {}],
      [2, ['status', '--lock-seconds', '0', '--redis', `http://operator:${badly}@host`], {}],
      [4, ['status', '--json'], { env: keys }],
      [4, ['worker', 'encoder', '--device', 'cpu'], { env: keys }],
      [4, ['enqueue', `s3://${place.s3!.bucket}/photos`, '--source-endpoint', place.s3!.endpoint], { env: source }],
      [4, ['enqueue', 'synthetic:8', '--weights', weights], {}],
      [2, ['status', '--store', `s3://me:${badly}@bucket`], {}],
      [0, ['status', '--json'], {}],
    ];
    const outputs = await Promise.all(
      tries.map(async ([expected, args, options]) => {
        const program = place.showtell(rig, args, options);
        const { code } = await program.exit;
        expect({ args: args.slice(0, 2), code, said: code === expected ? '' : program.said() }).toEqual({
          args: args.slice(0, 2),
          code: expected,
          said: '',
        });
        return program.said();
      }),
    );
    await until(async () => (await contentsOf(place.redis.url)).includes('failedReason'), 60_000);

    const given = [...Object.values(secrets), new URL(place.redis.url).password, place.s3!.credentials.secretAccessKey];
    const forms = given.flatMap((secret) => [
      secret,
      encodeURIComponent(secret),
      Buffer.from(secret).toString('base64').replace(/=+$/, ''),
    ]);
    const places = {
      outputs: outputs.join('\n'),
      logs: workers.map(({ said }) => said()).join('\n') + JSON.stringify(rig.log),
      redis: await contentsOf(place.redis.url),
      objects: await objectsOf(rig),
      files: filesOf(rig),
    };
    expect(
      Object.entries(places).flatMap(([name, text]) => forms.filter((form) => text.includes(form)).map((form) => `${form} in ${name}`)),
    ).toEqual([]);
    // What was looked through is what it should be.
    expect(places.logs).toContain('shard committed');
    expect(places.redis).toContain('failedReason');
    expect(places.objects).toContain('"planSha256"');
  }, 120_000);
});
