import { stopClocks } from './explore';
import { damagedRun, exploreShard, finalize, late, repair } from './shard-life';

describe('fault 81 repair, commit and manifest, in every order of requests', () => {
  stopClocks();

  test('a worker that stood still before its record; both die, two answers are lost', async () => {
    const { objects, recordSha256 } = await damagedRun();
    const processes = { repair: repair(recordSha256), worker: late };
    expect((await exploreShard({ objects, processes, crashes: 2, lostAnswers: 2 })).states).toBeGreaterThan(1_900);
  }, 300_000);

  test('the same, and the finalizer; one dies', async () => {
    const { objects, recordSha256 } = await damagedRun();
    const processes = { repair: repair(recordSha256), worker: late, finalizer: finalize };
    expect((await exploreShard({ objects, processes, crashes: 1 })).states).toBeGreaterThan(5_000);
  }, 300_000);
});
