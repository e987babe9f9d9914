import { DelayedError, type Job, UnrecoverableError } from 'bullmq';
import pino from 'pino';
import { ShowtellError } from '../../src/errors';
import { ABORT, createProcessor } from '../../src/queue/processor';
import { ShardJob } from '../../src/queue/queues';

const logger = pino({ level: 'silent' });
const never = new AbortController().signal;
const job = (data: unknown, more: object = {}) => ({ id: 'run.00001', queueName: 'ingest', data, ...more }) as Job<ShardJob>;
const sound = { run: 'run', shard: 1 };
const failing = async (error: unknown) => {
  const work = async () => {
    throw error;
  };
  try {
    await createProcessor(ShardJob, work, logger, { onOutage: () => {} })(job(sound), 'token', new AbortController().signal);
    return undefined;
  } catch (thrown) {
    return thrown;
  }
};

test('declares exactly three parameters: BullMQ hands the signal only to such a processor', () => {
  expect(createProcessor(ShardJob, async () => {}, logger, { onOutage: () => {} })).toHaveLength(3);
});

test('hands on payload, token and signal', async () => {
  const { signal } = new AbortController();
  const seen: unknown[] = [];
  await createProcessor(ShardJob, async (data, context) => void seen.push(data, context.token, context.signal), logger, {
    onOutage: () => {},
  })(job(sound), 'token', signal);
  expect(seen).toEqual([sound, 'token', signal]);
});

test('a job that came without its signal does not begin: nobody could stop it', async () => {
  const work = jest.fn<Promise<void>, []>();
  const error = await createProcessor(ShardJob, work, logger, { onOutage: () => {} })(job(sound), 'token', undefined).catch(
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(UnrecoverableError);
  expect((error as Error).message).toMatch(/^BUG: .*without a signal.*\(job, token, signal\)/);
  expect(work).not.toHaveBeenCalled();
});

test.each([[undefined], [{}], [{ run: '../etc', shard: 1 }], [{ run: 'run', shard: -1 }], [{ run: 'run', shard: '1' }]])(
  'refuses the payload %j for good',
  async (data) => {
    const work = jest.fn<Promise<void>, []>();
    const error = await createProcessor(ShardJob, work, logger, { onOutage: () => {} })(job(data), 'token', never).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(UnrecoverableError);
    expect((error as Error).message).toMatch(/^JOB_INVALID: Job run.00001 /);
    expect(work).not.toHaveBeenCalled();
  },
);

test('what cannot be mended by trying again is failed for good, with its code', async () => {
  const error = await failing(new ShowtellError('MIXED_ENCODER', 'another encoder'));
  expect(error).toBeInstanceOf(UnrecoverableError);
  expect((error as Error).message).toBe('MIXED_ENCODER: another encoder');
});

test('what may pass by itself is tried again, and counts', async () => {
  const error = await failing(new ShowtellError('ENGINE_CRASHED', 'died'));
  expect(error).not.toBeInstanceOf(UnrecoverableError);
  expect((error as Error).message).toBe('ENGINE_CRASHED: died');
});

describe('while what a job needs is away', () => {
  const away = (code: 'STORE_UNREACHABLE' | 'REDIS_FULL' | 'RUN_LOCKED', attemptsStarted: number) => {
    const moveToDelayed = jest.fn<Promise<void>, [number, string]>().mockResolvedValue();
    const onOutage = jest.fn<void, [ShowtellError, Job, number]>();
    const work = async () => {
      throw new ShowtellError(code, 'no answer of s3://name:hunter2@host');
    };
    const waiting = job(sound, { attemptsStarted, moveToDelayed, log: async (row: string) => void logged.push(row) });
    const logged: string[] = [];
    return { moveToDelayed, onOutage, logged, done: createProcessor(ShardJob, work, logger, { onOutage })(waiting, 'token', never) };
  };

  test.each(['STORE_UNREACHABLE', 'REDIS_FULL', 'RUN_LOCKED'] as const)('%s: it waits without using up an attempt', async (code) => {
    const { done, moveToDelayed, onOutage, logged } = away(code, 1);
    await expect(done).rejects.toBeInstanceOf(DelayedError);
    expect(moveToDelayed).toHaveBeenCalledWith(expect.any(Number), 'token');
    expect(onOutage).toHaveBeenCalledWith(expect.objectContaining({ code }), expect.anything(), expect.any(Number));
    expect(logged).toEqual([`${code}: no answer of s3://***@host`]);
  });

  test('the longer it is away, the longer, up to half a minute', async () => {
    const seconds = async (attemptsStarted: number) => {
      const { done, onOutage } = away('STORE_UNREACHABLE', attemptsStarted);
      await done.catch(() => {});
      return onOutage.mock.calls[0]![2];
    };
    expect(await seconds(1)).toBeLessThanOrEqual(1);
    expect(await seconds(4)).toBeGreaterThan(await seconds(1));
    for (const started of [6, 50, 100_000]) expect(await seconds(started)).toBeLessThanOrEqual(30);
    expect(await seconds(100_000)).toBeGreaterThanOrEqual(15);
  });

  test('it is given back at once to a process that stops', async () => {
    const stop = new AbortController();
    const moveToDelayed = jest.fn();
    const work = async () => {
      stop.abort(ABORT.drain);
      throw new ShowtellError('STORE_UNREACHABLE', 'no answer');
    };
    const onOutage = jest.fn();
    await expect(
      createProcessor(ShardJob, work, logger, { onOutage })(job(sound, { moveToDelayed }), 'token', stop.signal),
    ).rejects.toThrow('handed back');
    expect(onOutage).not.toHaveBeenCalled();
  });
});

test('an unexpected error is tried again, and shows no password', async () => {
  const error = await failing(new Error('cannot reach redis://user:hunter2@host'));
  expect(error).not.toBeInstanceOf(UnrecoverableError);
  expect((error as Error).message).toBe('cannot reach redis://***@host');
});

test("BullMQ's own words pass", async () => {
  const moved = new DelayedError();
  expect(await failing(moved)).toBe(moved);
});

describe('an abort', () => {
  const abortedWith = (reason: string, more: object = {}) => {
    const controller = new AbortController();
    const work = async () => {
      controller.abort(reason);
      controller.signal.throwIfAborted();
    };
    return createProcessor(ShardJob, work, logger, { onOutage: () => {} })(job(sound, more), 'token', controller.signal).catch(
      (e: unknown) => e,
    );
  };

  test('by a stopping process gives the job back', async () => {
    const moveToDelayed = jest.fn();
    expect(await abortedWith(ABORT.drain, { moveToDelayed })).toBeInstanceOf(DelayedError);
    expect(moveToDelayed).toHaveBeenCalledWith(expect.any(Number), 'token');
  });

  test('by a lost lock is LOCK_LOST and moves nothing', async () => {
    const moveToDelayed = jest.fn();
    expect(await abortedWith(ABORT.lockLost, { moveToDelayed })).toMatchObject({ code: 'LOCK_LOST' });
    expect(moveToDelayed).not.toHaveBeenCalled();
  });

  test('by a person ends the job as if it were done, once what it holds is given back', async () => {
    const controller = new AbortController();
    const givenBack: unknown[] = [];
    const work = async () => {
      controller.abort(ABORT.cancelled);
      controller.signal.throwIfAborted();
    };
    const hooks = { onOutage: () => {}, onCancelled: async ({ data }: Job<ShardJob>) => void givenBack.push(data) };
    await createProcessor(ShardJob, work, logger, hooks)(job(sound), 'token', controller.signal);
    expect(givenBack).toEqual([sound]);
  });

  test('for a reason that nobody knows is final', async () => {
    expect(await abortedWith('somebody else')).toBeInstanceOf(UnrecoverableError);
  });
});
