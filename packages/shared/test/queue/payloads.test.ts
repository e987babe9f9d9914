import { type Job, UnrecoverableError } from 'bullmq';
import fc from 'fast-check';
import pino from 'pino';
import type { z } from 'zod';
import { keys } from '../../src/keys';
import { isName } from '../../src/names';
import { createProcessor } from '../../src/queue/processor';
import { RunJob, ShardJob, TrainJob } from '../../src/queue/queues';

const logger = pino({ level: 'silent' });

/** A name, or something that looks like one. */
const nameLike = fc.oneof(
  fc.constantFrom('run', 'coco-2017', '../run', 'run/../other', 'RUN', '', '1', 'a'.repeat(64), '__proto__', 'rün', 'run\0', 'run\n'),
  fc.string({ maxLength: 8 }),
);
const numberLike = fc.oneof(fc.integer(), fc.double(), fc.constantFrom(-0, 1e21, 2 ** 53, 0.5, '1', null));
/** As we add them. */
const sound = fc.record(
  {
    run: fc.constantFrom('run', 'coco-2017', '1'),
    training: fc.constantFrom('run-show-and-tell', 'a'),
    shard: fc.nat(),
    wait: fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }),
    seen: fc.nat(),
    lost: fc.nat(),
    stuck: fc.boolean(),
    key: fc.string(),
  },
  { requiredKeys: ['run', 'training', 'shard'] },
);
/** Payloads of ours, also with one thing or another replaced, and whatever else JSON can say. */
const payload = fc.oneof(
  sound,
  fc.record(
    {
      run: nameLike,
      training: nameLike,
      shard: numberLike,
      wait: numberLike,
      seen: numberLike,
      lost: numberLike,
      stuck: fc.boolean(),
      key: fc.string(),
    },
    { requiredKeys: [] },
  ),
  fc.jsonValue(),
  fc.constantFrom(undefined, '{"run":"run"}', { run: { toString: 'run' } }, { run: ['run'], shard: 1 }),
);

/** What a worker gets of a payload that came through Redis, or the error that its job fails with for good. */
async function received<T>(schema: z.ZodType<T>, data: unknown): Promise<T | Error> {
  let given: T | undefined;
  const job = { id: 'run.00001', queueName: 'ingest', data } as Job<T>;
  try {
    await createProcessor(schema, async (seen) => void (given = seen), logger, { onOutage: () => {} })(
      job,
      'token',
      new AbortController().signal,
    );
  } catch (error) {
    expect(given).toBeUndefined();
    return error as Error;
  }
  return given!;
}

test.each([
  ['ingest and encode', ShardJob, ['run', 'shard']],
  ['finalize', RunJob, ['lost', 'run', 'seen', 'stuck', 'wait']],
  ['train', TrainJob, ['run', 'training']],
] as const)(
  'whatever is put into the queue of %s, a worker gets names and numbers alone, or the job fails for good',
  async (_queue, schema, fields) => {
    let taken = 0;
    await fc.assert(
      fc.asyncProperty(payload, async (data) => {
        const given = await received<Record<string, unknown>>(schema as z.ZodType<Record<string, unknown>>, data);
        if (given instanceof Error) {
          expect(given).toBeInstanceOf(UnrecoverableError);
          expect(given.message).toMatch(/^JOB_INVALID: Job run\.00001 in queue ingest /);
          return;
        }
        taken += 1;
        expect(fields).toEqual(expect.arrayContaining(Object.keys(given)));
        for (const name of [given['run'], given['training']].filter((each) => each !== undefined))
          expect(isName(name as string)).toBe(true);
        // What is read and written for it lies in the folder of its name.
        const { run, shard } = given;
        if (typeof run === 'string')
          expect(new URL(keys.commit(run, (shard as number) ?? 0), 'http://store/').pathname).toMatch(`/runs/${run}/commits/`);
        if (shard !== undefined) expect(Number.isSafeInteger(shard) && (shard as number) >= 0).toBe(true);
      }),
      { numRuns: 500 },
    );
    // A quarter of them are sound: not everything was refused.
    expect(taken).toBeGreaterThan(50);
  },
);
