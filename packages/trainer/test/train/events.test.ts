import pino from 'pino';
import { logEvents } from '../../src/train/events';

test('log lines have figures that can be read, and whole numbers whole', () => {
  const lines: Record<string, unknown>[] = [];
  const log = logEvents(
    pino({ base: null, timestamp: false }, { write: (line: string) => void lines.push(JSON.parse(line) as (typeof lines)[number]) }),
  );
  log({
    event: 'epoch',
    epoch: 1,
    epochs: 8,
    step: 12_345_678,
    loss: 1.686523437499,
    validationLoss: null,
    validationCider: null,
    learningRate: 0.001,
    seconds: 3.21987654,
    best: null,
  });
  log({ event: 'checkpoint', step: 79, folder: 'trainings/fit/checkpoints/00000079-1/', seconds: 0.034512345 });
  expect(lines).toEqual([
    {
      level: 30,
      epoch: 1,
      epochs: 8,
      step: 12_345_678,
      loss: 1.6865,
      validationLoss: null,
      validationCider: null,
      learningRate: 0.001,
      seconds: 3.2199,
      best: null,
      msg: 'epoch',
    },
    { level: 30, step: 79, folder: 'trainings/fit/checkpoints/00000079-1/', seconds: 0.034512, msg: 'checkpoint' },
  ]);
});
