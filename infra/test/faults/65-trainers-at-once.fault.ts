import { readLease } from '@showtell/trainer/checkpoint/lease';
import { checkInvariants } from '../invariants';
import { describeFault } from './fault';
import { checkLatest, checkSameAs, encodedRun, startTraining, undisturbed } from './training-program';

describeFault(65, 'three begin one training at the same moment', { stores: ['file', 's3'] }, (place) => {
  test('one trains; the others say that it is there, or that it is being trained', async () => {
    const rig = await place.rig();
    const { store } = rig;
    const run = await encodedRun(rig);
    await undisturbed(store, run);
    const programs = Array.from({ length: 3 }, () => startTraining(place, rig, run, 'at-once'));
    const ended = await Promise.all(programs.map(async (program) => ({ ...(await program.exit), program })));
    const told = ended.filter(({ program }) => program.events.length > 0);
    expect(told.map(({ code, program }) => [code, program.said()])).toEqual([[0, expect.stringContaining('"outcome":"completed"')]]);
    for (const { code, program } of ended)
      if (program.events.length === 0)
        expect([code, program.said()]).toEqual(
          expect.arrayContaining([
            code,
            expect.stringMatching(code === 6 ? /^LEASE_HELD: /m : code === 2 ? /^TRAINING_EXISTS: .* is not done/m : /^$/),
          ]),
        );
    await checkSameAs(store, 'at-once', told[0]!.program.events);
    await checkLatest(store, 'at-once', told[0]!.program.events);
    expect((await readLease(store, 'at-once'))!.record).toMatchObject({ epoch: 1, released: true });
    await checkInvariants(store, run);
  }, 120_000);
});
