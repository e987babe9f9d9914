import { join } from 'node:path';
import type { PlanRow } from '@showtell/shared/schema/plan';
import { prepareIsolated } from '../src/prepare-isolated';

const DEADLY = join(__dirname, 'deadly-prepare.js');
const options = { downloads: 2, side: 64, signal: new AbortController().signal };
const source = { kind: 'coco' as const, url: 'file:///x' };
const rows = (...ids: string[]) => ids.map((imageId) => ({ imageId }) as PlanRow);
const told = async (...ids: string[]) =>
  (await prepareIsolated(source, rows(...ids), { ...options, entry: DEADLY })).map(({ row, rejection, pixels }) => [
    row.imageId,
    rejection?.code ?? pixels!.toString(),
  ]);

test('photos that kill nobody come back in order', async () => {
  expect(await told('1', '2', '3')).toEqual([
    ['1', '1'],
    ['2', '2'],
    ['3', '3'],
  ]);
});

test('the photo that kills its process every time is found and rejected, the others are prepared', async () => {
  expect(await told('1', '2', 'deadly-3', '4', 'deadly-5')).toEqual([
    ['1', '1'],
    ['2', '2'],
    ['deadly-3', 'CRASHED_WORKER'],
    ['4', '4'],
    ['deadly-5', 'CRASHED_WORKER'],
  ]);
});

test('a process that cannot start condemns no photo', async () => {
  const entry = join(__dirname, '..', 'package.json');
  await expect(prepareIsolated(source, rows('1'), { ...options, entry })).rejects.toMatchObject({ code: 'ENGINE_CRASHED' });
});

test('an abort ends the process', async () => {
  const stop = new AbortController();
  stop.abort(new Error('enough'));
  await expect(prepareIsolated(source, rows('1'), { ...options, signal: stop.signal, entry: DEADLY })).rejects.toThrow('enough');
});
