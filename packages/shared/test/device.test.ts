import { parseDevice, parseDevices } from '../src/device';

test.each([
  ['auto', 'auto'],
  ['cpu', 'cpu'],
  ['wasm', 'wasm'],
  ['cuda', 'cuda:0'],
  ['cuda:0', 'cuda:0'],
  ['cuda:07', 'cuda:7'],
])('%s is %s', (text, device) => {
  expect(parseDevice(text)).toBe(device);
});

test.each(['', 'gpu', 'cuda:', 'cuda:-1', 'cuda:1.5', 'cuda:1000', 'CPU', 'cuda 1'])('%j is none', (text) => {
  expect(() => parseDevice(text)).toThrow(
    `Expected auto, cpu, cuda, cuda:<number> or wasm for device but received ${JSON.stringify(text)}`,
  );
});

test('several GPUs stand with commas between them', () => {
  expect(parseDevices('cuda:0, cuda:2')).toEqual(['cuda:0', 'cuda:2']);
  expect(parseDevices('auto')).toEqual(['auto']);
});

test.each([
  ['cuda,cuda:0', 'every device once'],
  ['auto,cuda:1', 'auto alone'],
  ['cuda:0,', 'auto, cpu, cuda'],
])('the list %j is refused', (text, why) => {
  expect(() => parseDevices(text)).toThrow(why);
});
