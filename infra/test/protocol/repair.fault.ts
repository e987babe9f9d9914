import { damagedRun, exploreShard, late, repair } from './shard-life';

describe('fault 81 repair and commit, in every order of requests', () => {
  test('a worker that stood still before its record; one dies, an answer is lost', async () => {
    const { objects, recordSha256 } = await damagedRun();
    const processes = { repair: repair(recordSha256), worker: late };
    expect((await exploreShard({ objects, processes, crashes: 1, lostAnswers: 1 })).states).toBeGreaterThan(9_000);
  }, 300_000);
});
