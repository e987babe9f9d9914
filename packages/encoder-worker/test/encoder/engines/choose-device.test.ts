import type { Device } from '@showtell/shared/device';
import { ShowtellError } from '@showtell/shared/errors';
import { openOnDevice } from '../../../src/encoder/engines/choose-device';
import type { EngineOptions } from '../../../src/encoder/engines/engine';

/** A machine on which CUDA fails with `broken`, when it is tried at all. */
async function open(device: string, { precision = 'float32' as EngineOptions['precision'], whyNot, broken }: Machine = {}) {
  const tried: Device[] = [];
  const opened = await openOnDevice(
    { engine: 'onnx', precision, device },
    async (on, chosen) => {
      tried.push(on);
      if (broken !== undefined && on !== 'cpu') throw broken;
      return { on, chosen };
    },
    async () => whyNot,
  );
  return { ...opened, tried };
}
interface Machine {
  readonly precision?: EngineOptions['precision'];
  readonly whyNot?: string;
  readonly broken?: Error;
}
const tooOld = new ShowtellError('DEVICE_UNAVAILABLE', 'the driver is too old');

test('what was asked for is opened, without a reason', async () => {
  expect(await open('cpu')).toEqual({ on: 'cpu', chosen: undefined, tried: ['cpu'] });
  expect(await open('cuda:2', { whyNot: 'no GPU' })).toEqual({ on: 'cuda:2', chosen: undefined, tried: ['cuda:2'] });
});

test('a GPU that was asked for and fails is an error, never the CPU', async () => {
  await expect(open('cuda', { broken: tooOld })).rejects.toBe(tooOld);
});

test('auto takes the GPU where there is one', async () => {
  expect(await open('auto')).toEqual({ on: 'cuda:0', chosen: 'there is a GPU', tried: ['cuda:0'] });
});

test('auto does not try in vain, and says why', async () => {
  expect(await open('auto', { whyNot: 'no provider' })).toEqual({ on: 'cpu', chosen: 'no CUDA: no provider', tried: ['cpu'] });
});

test('auto falls back when the GPU cannot be used, and says why', async () => {
  expect(await open('auto', { broken: tooOld })).toEqual({ on: 'cpu', chosen: 'the driver is too old', tried: ['cuda:0', 'cpu'] });
});

test('auto does not hide another failure behind the CPU', async () => {
  await expect(open('auto', { broken: new ShowtellError('WEIGHTS_INVALID', 'cut short') })).rejects.toMatchObject({
    code: 'WEIGHTS_INVALID',
  });
});

test('auto has nothing to fall back to where only a GPU computes the precision: the reason is that of the try', async () => {
  await expect(open('auto', { precision: 'float16', whyNot: 'no provider', broken: tooOld })).rejects.toBe(tooOld);
});
