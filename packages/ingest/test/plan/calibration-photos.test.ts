import type { PlanRow } from '@showtell/shared/schema/plan';
import { calibrationPhotos, calibrationRows } from '../../src/plan/calibration-photos';
import { syntheticDataset } from '../../src/source/synthetic';

const split = (name: string, count: number) => ({
  split: name,
  samples: Array.from({ length: count }, (_, index) => ({ imageId: `${name}-${index}` }) as PlanRow),
  captions: [],
});
const ids = (rows: readonly PlanRow[]) => rows.map(({ imageId }) => imageId);

test('photos come from the split train, spread over it', () => {
  const rows = ids(calibrationRows({ splits: [split('test', 5), split('train', 8), split('val', 5)] }));
  expect(rows.slice(0, 4)).toEqual(['train-0', 'train-4', 'train-2', 'train-6']);
  expect(new Set(rows).size).toBe(8);
});

test('from all splits where none is called train', () => {
  const rows = ids(calibrationRows({ splits: [split('test', 2), split('val', 2)] }));
  expect(new Set(rows)).toEqual(new Set(['test-0', 'test-1', 'val-0', 'val-1']));
});

test('what cannot be used is passed over', async () => {
  const source = syntheticDataset('synthetic:6');
  const { splits } = await source.scan({ splits: ['train'], strict: false });
  const rows = calibrationRows({ splits }).map((row, index) => (index === 1 ? { ...row, sourceKey: 'nothing' } : row));
  const photos: Buffer[] = [];
  for await (const photo of calibrationPhotos(source.address, rows, { side: 20 })) photos.push(photo);
  expect(photos).toHaveLength(rows.length - 1);
  for (const photo of photos) expect(photo).toHaveLength(20 * 20 * 3);
});
