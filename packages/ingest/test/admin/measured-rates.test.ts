import type { DeviceReport } from '@showtell/shared/schema/report';
import { ratesOf } from '../../src/admin/measured-rates';

const device = (deviceName: string, images: number, seconds: number, more: Partial<DeviceReport> = {}): DeviceReport => ({
  device: 'cpu',
  deviceName,
  precision: 'float32',
  engine: 'onnx',
  workers: 1,
  images,
  seconds,
  imagesPerSecond: null,
  ...more,
});

test('long runs count for more than short ones, devices and engines each for themselves, the most measured first', () => {
  const reports = [
    { devices: [device('EPYC', 10, 5), device('H100', 1_000, 1, { device: 'cuda:0' })] },
    { devices: [device('EPYC', 90, 5), device('EPYC', 8, 4, { engine: 'tensorflow' })] },
  ];
  expect(ratesOf(reports)).toEqual([
    { deviceName: 'H100', device: 'cuda:0', engine: 'onnx', imagesPerSecond: 1_000, images: 1_000, runs: 1 },
    { deviceName: 'EPYC', device: 'cpu', engine: 'onnx', imagesPerSecond: 10, images: 100, runs: 2 },
    { deviceName: 'EPYC', device: 'cpu', engine: 'tensorflow', imagesPerSecond: 2, images: 8, runs: 1 },
  ]);
});

test('what encoded nothing, or took no time, has no rate', () => {
  expect(ratesOf([{ devices: [device('EPYC', 0, 5), device('H100', 0, 0), device('A100', 7, 0)] }])).toEqual([]);
});
