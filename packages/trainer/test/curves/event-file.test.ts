import { encodeEventFile } from '../../src/curves/event-file';

test('the bytes are what TensorBoard itself writes; figures that are none are left out', () => {
  const bytes = encodeEventFile([
    { event: 'step', step: 1, epoch: 1, time: 100.5, loss: 2.5, gradientNorm: null },
    { event: 'epoch', step: 1, epoch: 1, time: 101, loss: 2.5, validationLoss: Number.NaN },
  ]);
  expect(bytes.toString('hex')).toBe(EXPECTED);
});

/** Written by the RecordWriter of the Python package tensorboard 2.21.0: file version, step/loss 2.5 at step 1, epoch/loss 2.5 at step 1. */
const EXPECTED =
  '1800000000000000a37f4b220900000000002059401a0d627261696e2e4576656e743a321852f4c71f00000000000000514b44180900000000002059' +
  '4010012a120a100a09737465702f6c6f737315000020408d1bcf41200000000000000029eda95009000000000040594010012a130a110a0a65706f63' +
  '682f6c6f73731500002040f17f31f9';
