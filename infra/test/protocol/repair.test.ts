import { type Process, stopClocks } from './explore';
import { damagedRun, encode, exploreShard, finalize, late, OTHER, repair } from './shard-life';

describe('commit, repair and manifest, in every order of requests', () => {
  stopClocks();

  test('two workers and a finalizer, one dies', async () => {
    const processes = { a: encode('a'), b: encode('b', OTHER), finalizer: finalize };
    expect((await exploreShard({ processes, crashes: 1 })).states).toBeGreaterThan(550);
  });

  test('two finalizers, one dies, an answer is lost', async () => {
    const { objects } = await damagedRun();
    const processes = { one: finalize, other: finalize };
    expect((await exploreShard({ objects, processes, crashes: 1, lostAnswers: 1 })).states).toBeGreaterThan(1_000);
  });

  test('a finalizer that stood still while a repair had the shard encoded otherwise, one dies, an answer is lost', async () => {
    const { objects, recordSha256 } = await damagedRun();
    const again: Process = async (store) => {
      await repair(recordSha256, OTHER)(store);
      await finalize(store);
    };
    const processes = { finalizer: finalize, again };
    const explored = await exploreShard({ objects, processes, whole: ['again'], crashes: 1, lostAnswers: 1 });
    expect(explored.states).toBeGreaterThan(350);
  });

  test('a repair and a worker that stood still before its record; one dies, an answer is lost', async () => {
    const { objects, recordSha256 } = await damagedRun();
    const processes = { repair: repair(recordSha256), worker: late };
    expect((await exploreShard({ objects, processes, crashes: 1, lostAnswers: 1 })).states).toBeGreaterThan(550);
  });
});
