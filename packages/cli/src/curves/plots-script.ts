/** The page's own program: draws the plots that its data element holds, and again when its size or its reader's colours change. */
export const PLOTS_SCRIPT = `
'use strict';
const plots = JSON.parse(document.getElementById('plots').textContent);
const style = getComputedStyle(document.documentElement);
const color = (name) => style.getPropertyValue(name).trim();
const lineColor = (line) => color('--line-' + (line.color % 8));
const figure = (value) => value == null ? '–' : String(Number(value.toPrecision(4)));
const draw = (box, plot) => {
  const axis = { stroke: () => color('--soft'), grid: { stroke: () => color('--rule'), width: 1 }, ticks: { show: false }, font: '12px system-ui, sans-serif' };
  const options = {
    width: box.clientWidth,
    height: 280,
    legend: { markers: { dash: (u, index) => index > 0 && plot.lines[index - 1].stroke === 'dashed' ? 'dashed' : 'solid' } },
    cursor: { sync: { key: 'steps' }, drag: { x: true, y: false } },
    scales: { x: { time: false } },
    axes: [{ ...axis, size: 32, values: (u, ticks) => ticks.map((tick) => tick.toLocaleString('en-US')) }, { ...axis, size: 64, values: (u, ticks) => ticks.map(figure) }],
    series: [
      { label: 'step', value: (u, value) => value == null ? '–' : value.toLocaleString('en-US') },
      ...plot.lines.map((line) => ({
        label: line.label,
        stroke: () => lineColor(line),
        alpha: line.stroke === 'faint' ? 0.3 : 1,
        width: line.stroke === 'faint' ? 1 : 2,
        dash: line.stroke === 'dashed' ? [6, 4] : undefined,
        points: { show: line.stroke === 'dashed', size: 6, fill: () => lineColor(line) },
        spanGaps: true,
        value: (u, value) => figure(value),
      })),
    ],
  };
  const chart = new uPlot(options, [plot.steps, ...plot.lines.map((line) => line.values)], box);
  const resized = new ResizeObserver(() => chart.setSize({ width: box.clientWidth, height: 280 }));
  resized.observe(box);
  return () => {
    resized.disconnect();
    chart.destroy();
  };
};
let drawn = [];
const drawAll = () => {
  for (const remove of drawn) remove();
  drawn = plots.map((plot, index) => draw(document.getElementById('plot-' + index), plot));
};
drawAll();
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawAll);
`;
