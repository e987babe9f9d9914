import { latestManifestNumber } from '@showtell/shared/manifests';
import type { Point } from '@showtell/shared/reached';
import { until } from '../../../packages/shared/test/queue/until';
import { checkInvariants } from '../invariants';
import { atPoint, describeFault } from './fault';

const DEATHS: [Point, 'ingest' | 'encoder'][] = [
  ['ingest:before-handover', 'ingest'],
  ['ingest:handed-over', 'ingest'],
  ['encode:fetched', 'encoder'],
  ['encode:encoded', 'encoder'],
  ['commit:parts-written', 'encoder'],
  ['commit:record-written', 'encoder'],
  ['encode:before-ack', 'encoder'],
  ['finalize:read', 'ingest'],
];

describeFault(1, 'SIGKILL of ingest, encoder or finalizer between two effects', { stores: ['file', 's3'] }, (place) => {
  test.each(DEATHS)(
    'at %s',
    async (point, stage) => {
      const rig = await place.rig();
      const { run } = await rig.enqueue();
      const death = atPoint(rig, { point, act: 'kill' });
      const dying = place.program(rig, stage, { env: death.env });
      place.program(rig, stage === 'ingest' ? 'encoder' : 'ingest');
      expect(await dying.exit).toEqual({ code: null, signal: 'SIGKILL' });
      expect(death.happened()).toBe(true);
      place.program(rig, stage);
      await until(async () => (await latestManifestNumber(rig.store, run)) > 0, 60_000);
      await checkInvariants(rig.store, run);
    },
    90_000,
  );
});
