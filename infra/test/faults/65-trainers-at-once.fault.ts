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
    for (const { exit, said } of programs) {
      const { code } = await exit;
      // Who comes when it is done finds it done.
      const expected = code === 6 ? /^LEASE_HELD: /m : code === 2 ? /^TRAINING_EXISTS: .* is not done/m : /"outcome":"completed"|^$/;
      expect([code, said()]).toEqual([[0, 2, 6].includes(code!) ? code : 'exit code 0, 2 or 6', expect.stringMatching(expected)]);
    }
    const told = programs.flatMap(({ events }) => events);
    const steps = told.flatMap((event) => (event.event === 'step' ? [event.step] : []));
    expect(new Set(steps).size).toBe(steps.length);
    await checkSameAs(store, 'at-once', told);
    await checkLatest(store, 'at-once', told);
    expect((await readLease(store, 'at-once'))!.record.released).toBe(true);
    await checkInvariants(store, run);
  }, 120_000);
});
