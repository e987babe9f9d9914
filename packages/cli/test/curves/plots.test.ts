import type { FigureLine } from '@showtell/trainer/curves/metric-lines';
import { curvesPage } from '../../src/curves/curves-page';
import { plotsOf, smoothed, thinned } from '../../src/curves/plots';
import { escapeHtml } from '../../src/page';

function lines(epochs: number, { validation = true, perEpoch = 4 } = {}): FigureLine[] {
  return Array.from({ length: epochs }, (_, index): FigureLine[] => {
    const epoch = index + 1;
    const steps = Array.from({ length: perEpoch }, (__, at): FigureLine => {
      const step = index * perEpoch + at + 1;
      return { event: 'step', step, epoch, time: step, loss: 4 - step / 100, learningRate: 0.001 };
    });
    const [validationLoss, validationCider] = validation ? [5 - epoch, epoch / 10] : [null, null];
    return [...steps, { event: 'epoch', step: epoch * perEpoch, epoch, time: 0, loss: 3, validationLoss, validationCider }];
  }).flat();
}

const titles = (trainings: Parameters<typeof plotsOf>[0]) => plotsOf(trainings).map(({ title }) => title);

test('one training: its loss at each step, the run of it and the validation loss, over the same steps', () => {
  const plots = plotsOf([{ training: 'f8', lines: lines(3) }]);
  const [loss, cider] = plots;
  expect(loss!.lines.map(({ label, stroke }) => [label, stroke])).toEqual([
    ['each step', 'faint'],
    ['training', 'plain'],
    ['validation', 'dashed'],
  ]);
  expect(loss!.steps).toEqual(Array.from({ length: 12 }, (_, index) => index + 1));
  expect(loss!.lines[0]!.values[6]).toBe(3.93);
  expect(loss!.lines[2]!.values).toEqual([null, null, null, 4, null, null, null, 3, null, null, null, 2]);
  expect(cider).toMatchObject({ title: 'Validation CIDEr', steps: [4, 8, 12], lines: [{ label: 'f8', values: [0.1, 0.2, 0.3] }] });
});

test('figures that no training has make no plot, and one that lacks them leaves the others their lines', () => {
  const [validated, not] = [
    { training: 'with', lines: lines(2) },
    { training: 'without', lines: lines(5, { validation: false, perEpoch: 3 }) },
  ];
  expect(titles([not])).toEqual(['Loss', 'Learning rate']);
  expect(titles([validated, not])).toEqual(['Loss', 'Validation CIDEr', 'Learning rate']);
  const [loss, cider] = plotsOf([validated, not]);
  expect(loss!.lines.map(({ label, color }) => [label, color])).toEqual([
    ['with', 0],
    ['without', 1],
    ['with, validation', 0],
  ]);
  expect(loss!.steps.at(-1)).toBe(15);
  expect(loss!.lines[0]!.values).toHaveLength(15);
  expect(cider!.lines).toHaveLength(1);
});

test('a long line keeps its ends, its mean and at most so many points', () => {
  const points = Array.from({ length: 10_007 }, (_, step) => [step + 1, Math.sin(step / 500)] as const);
  const few = thinned(points, 600);
  expect(few).toHaveLength(600);
  expect(few[0]![0]).toBe(1);
  expect(few.at(-1)![0]).toBe(10_007);
  for (const [step, value] of few) expect(Math.abs(value - Math.sin((step - 1) / 500))).toBeLessThan(0.04);
  expect(thinned(points.slice(0, 600), 600)).toEqual(points.slice(0, 600));
});

test('the running mean follows a straight line without lagging, and takes noise away', () => {
  const straight = Array.from({ length: 500 }, (_, step) => [step, 3 - step / 100] as const);
  for (const [step, value] of smoothed(straight)) expect(value).toBeCloseTo(3 - step / 100, 9);
  const noisy = straight.map(([step]) => [step, step % 2 === 0 ? 1 : -1] as const);
  for (const [, value] of smoothed(noisy).slice(20, -20)) expect(Math.abs(value)).toBeLessThan(0.2);
  expect(smoothed([])).toEqual([]);
});

test('the page holds all it needs, and texts cannot become markup', () => {
  const library = { script: 'var uPlot = 1;', style: '.uplot{}' };
  const page = curvesPage([{ training: '</script><b>', lines: lines(2) }], library);
  expect(page).not.toContain('</script><b>');
  expect(page).toContain(escapeHtml('</script><b>'));
  expect(page.match(/(?:src|href)="/g)).toBeNull();
  expect(page.match(/'sha256-[^']+'/g)).toHaveLength(2);
  expect(page).toContain('3.0000 (epoch 2)');
  expect(page).toContain('0.2000 (epoch 2)');
  const [, data] = /<script type="application\/json" id="plots">(.*?)<\/script>/s.exec(page)!;
  expect((JSON.parse(data!) as { lines: { label: string }[] }[])[1]!.lines[0]!.label).toBe('</script><b>');
});
