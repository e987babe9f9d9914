import { bestOf, type TrainReport, type TrainRow, trainMarkdown, trainTable } from '../src/train-rows';

const row = (engine: string, batches: string, secondsPerEpoch: number, rssMB: number | null = 400): TrainRow => ({
  engine,
  batches,
  layout: 'packed',
  tokensPerSecond: 12_345.6,
  secondsPerEpoch,
  rssMB,
  lossError: 1.7e-7,
});

const report: TrainReport = {
  rows: [row('torch', 'random', 12.5, null), row('onnx', 'random', 5), row('onnx', 'bucketed', 4)],
  own: ['onnx'],
  versions: { node: '20.0.0' },
  conditions: 'Medians.',
};

describe('the table', () => {
  test('has the fastest first, times relative to ours on the same kind of batches, and ours marked', () => {
    expect(trainMarkdown(report)).toBe(`| engine | batches | tokens/s | s/epoch | time | memory | loss |
| --- | --- | ---: | ---: | ---: | ---: | ---: |
| **Showtell onnx** | **bucketed, packed** | **12,346** | **4.00** | **1.00×** | **400 MB** | **2e-7** |
| **Showtell onnx** | **random, packed** | **12,346** | **5.00** | **1.00×** | **400 MB** | **2e-7** |
| torch | random, packed | 12,346 | 12.50 | 2.50× | – | 2e-7 |

Medians. node 20.0.0.`);
  });

  test('of the best has ours, and the fastest way of each framework on each kind of batches', () => {
    const rows = [...report.rows, row('keras-graph', 'random', 22), row('keras-xla', 'random', 15), row('keras-graph', 'bucketed', 11)];
    expect(bestOf({ ...report, rows }).rows.map(({ engine, batches, secondsPerEpoch }) => [engine, batches, secondsPerEpoch])).toEqual([
      ['torch', 'random', 12.5],
      ['onnx', 'random', 5],
      ['onnx', 'bucketed', 4],
      ['keras-xla', 'random', 15],
      ['keras-graph', 'bucketed', 11],
    ]);
  });

  test('says where there is none of ours to compare with', () => {
    expect(trainTable({ ...report, rows: [row('keras-xla', 'bucketed', 7)] })[1]).toEqual([
      ['keras-xla', 'bucketed, packed', '12,346', '7.00', '–', '400 MB', '2e-7'],
    ]);
  });
});
