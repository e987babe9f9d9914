import { decodeMetricLines, encodeMetricLines, foldMetrics, type MetricLine, metricLineOf } from '../../src/curves/metric-lines';

const start = (step: number): MetricLine => ({ event: 'start', step, time: 0 });
const step = (number: number, loss = number): MetricLine => ({ event: 'step', step: number, epoch: 1, time: 0, loss });
const epoch = (number: number, at: number, loss = at): MetricLine => ({
  event: 'epoch',
  step: at,
  epoch: number,
  time: 0,
  loss,
  validationLoss: null,
});
const told = (lines: MetricLine[]) => foldMetrics(lines).map((line) => [line.event, line.step, line.loss]);

test('every step and epoch is there once, in order, whoever began where', () => {
  expect(told([start(0), step(1), step(2), epoch(1, 2), step(3)])).toEqual([
    ['step', 1, 1],
    ['step', 2, 2],
    ['epoch', 2, 2],
    ['step', 3, 3],
  ]);
  // Killed after step 4, gone on from the checkpoint at 2; a fenced one told of step 5 before it noticed.
  const killed = [start(0), step(1), step(2), epoch(1, 2), step(3, -1), step(4, -1), epoch(2, 4, -1), step(5, -1)];
  expect(told([...killed, start(2), step(3), step(4), epoch(2, 4)])).toEqual([
    ['step', 1, 1],
    ['step', 2, 2],
    ['epoch', 2, 2],
    ['step', 3, 3],
    ['step', 4, 4],
    ['epoch', 4, 4],
  ]);
});

test('one who begins where an epoch ends and has not told of its end leaves what is known', () => {
  expect(told([start(0), step(1), epoch(1, 1), start(1)])).toEqual([
    ['step', 1, 1],
    ['epoch', 1, 1],
  ]);
  expect(told([start(0), step(1), epoch(1, 1, 7), start(1), epoch(1, 1, 8)])).toEqual([
    ['step', 1, 1],
    ['epoch', 1, 8],
  ]);
});

const UNMEASURED = { validationCider: null, learningRate: 0.001, seconds: 4 };

test('an event becomes a line of its figures, and the line comes back from text', () => {
  const line = metricLineOf(
    { event: 'epoch', epoch: 2, epochs: 8, step: 158, loss: 1.5, validationLoss: Number.NaN, ...UNMEASURED, best: true },
    12.5,
  )!;
  expect(line).toEqual({ event: 'epoch', epoch: 2, step: 158, loss: 1.5, validationLoss: Number.NaN, ...UNMEASURED, time: 12.5 });
  const text = encodeMetricLines([line, start(3)]);
  expect(decodeMetricLines(text, 'part')).toEqual([{ ...line, validationLoss: null }, start(3)]);
  expect(metricLineOf({ event: 'end', outcome: 'completed', step: 3, epoch: 1 }, 0)).toBeUndefined();
});

test('a line that is none is told with its number and place', () => {
  const body = Buffer.concat([encodeMetricLines([start(0)]), Buffer.from('{"event":"step"\n')]);
  expect(() => decodeMetricLines(body, 'trainings/f8/metrics/00001-00000.jsonl')).toThrow(
    expect.objectContaining({
      code: 'CORRUPT_OBJECT',
      message: expect.stringMatching(/line 2 of trainings\/f8\/metrics\/00001-00000\.jsonl/),
    }),
  );
});
