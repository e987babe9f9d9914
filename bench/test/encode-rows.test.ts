import { type EncodeReport, type EncodeRow, markdownTable } from '../src/encode-rows';

const row = (engine: string, precision: string, batch: number, imagesPerSecond: number): EncodeRow => ({
  engine,
  device: 'cpu',
  precision,
  batch,
  imagesPerSecond,
  rssMB: batch * 100,
  relativeError: 1.2e-7,
});

const report: EncodeReport = {
  rows: [
    row('keras', 'float32', 1, 10),
    row('keras', 'float32', 8, 30.25),
    row('onnx', 'int8', 1, 100),
    row('onnx', 'int8', 8, 120),
    row('onnx', 'float32', 8, 33),
    row('onnx', 'float32', 1, 31),
  ],
  own: ['onnx'],
  versions: { onnxruntime: '1.2.3' },
  conditions: 'Medians.',
};

describe('the table', () => {
  test('has a line for each engine and precision, the fastest first, and ours marked', () => {
    expect(markdownTable(report)).toBe(`| precision | engine | batch 1 | batch 8 | memory at 8 | error |
| --- | --- | ---: | ---: | ---: | ---: |
| **float32** | **Showtell onnx** | **31.0** | **33.0** | **800 MB** | **1.2e-7** |
| float32 | keras | 10.0 | 30.3 | 800 MB | 1.2e-7 |
| **int8** | **Showtell onnx** | **100.0** | **120.0** | **800 MB** | **1.2e-7** |

Medians. onnxruntime 1.2.3.`);
  });

  test('says where a figure is missing', () => {
    const rows = [row('onnx', 'float32', 1, 31), { ...row('keras', 'float32', 8, 30), rssMB: null }];
    expect(markdownTable({ ...report, rows })).toContain('| **31.0** | **–** | **–** |');
    expect(markdownTable({ ...report, rows })).toContain('| – | 30.0 | – |');
  });
});
