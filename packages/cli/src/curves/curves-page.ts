import type { FigureLine } from '@showtell/trainer/curves/metric-lines';
import { formatCount, plural } from '../output/format';
import { dataElement, escapeHtml, htmlPage } from '../page';
import { plotsOf, type TrainingCurves } from './plots';
import { PLOTS_SCRIPT } from './plots-script';

/** What the page draws with, as text: uPlot's program and its styles. */
export interface PlotLibrary {
  readonly script: string;
  readonly style: string;
}

/** A page with a plot for each figure over the steps, all trainings in each, and a table of where they stand. It loads nothing. */
export function curvesPage(trainings: readonly TrainingCurves[], library: PlotLibrary): string {
  const plots = plotsOf(trainings);
  const [first] = trainings;
  const title = trainings.length === 1 && first ? `Curves of ${first.training}` : `Curves of ${plural(trainings.length, 'training')}`;
  return htmlPage({
    title,
    introduction:
      'Losses are natural logarithms, per word (self-critical: CIDEr of drawn captions, with a minus). Drag over a plot to look closer, click twice to see all of it again, click a name to hide its line.',
    style: `${library.style}${STYLE}`,
    main: `<section class="panel scroll" aria-label="Trainings">
${summaryTable(trainings)}
</section>
<section class="plots" aria-label="Curves">
${plots.map(({ title: heading }, index) => `<div class="panel"><h2>${escapeHtml(heading)}</h2><div id="plot-${index}"></div></div>`).join('\n')}
</section>
${dataElement('plots', plots)}`,
    scripts: [library.script, PLOTS_SCRIPT],
  });
}

function summaryTable(trainings: readonly TrainingCurves[]): string {
  const rows = trainings.map(({ training, lines }, index) => {
    const epochs = lines.filter(({ event }) => event === 'epoch');
    const last = epochs.at(-1);
    const cells = [
      `<th scope="row"><span class="swatch" style="background:var(--line-${index % 8})"></span>${escapeHtml(training)}</th>`,
      cell(formatCount(last?.epoch ?? 0)),
      cell(formatCount(lines.at(-1)?.step ?? 0)),
      cell(figure(last?.loss)),
      cell(bestOf(epochs, 'validationLoss', (value, best) => value < best)),
      cell(bestOf(epochs, 'validationCider', (value, best) => value > best)),
    ];
    return `<tr>${cells.join('')}</tr>`;
  });
  const heads = ['Training', 'Epochs', 'Steps', 'Loss', 'Best validation loss', 'Best validation CIDEr'];
  return `<table><thead><tr>${heads.map((head) => `<th scope="col">${head}</th>`).join('')}</tr></thead><tbody>
${rows.join('\n')}
</tbody></table>`;
}

const cell = (text: string) => `<td>${escapeHtml(text)}</td>`;
const figure = (value: unknown) => (typeof value === 'number' ? value.toFixed(4) : '–');

/** The best value of an epoch, and which epoch it was. */
function bestOf(epochs: readonly FigureLine[], name: string, better: (value: number, best: number) => boolean): string {
  let best: { readonly value: number; readonly epoch: number } | undefined;
  for (const line of epochs) {
    const value = line[name];
    if (typeof value === 'number' && (best === undefined || better(value, best.value))) best = { value, epoch: line.epoch };
  }
  return best === undefined ? '–' : `${figure(best.value)} (epoch ${best.epoch})`;
}

const STYLE = `
:root{--line-0:#3457d5;--line-1:#c2410c;--line-2:#15803d;--line-3:#a21caf;--line-4:#0e7490;--line-5:#a16207;--line-6:#be123c;--line-7:#4b5563}
@media (prefers-color-scheme:dark){:root{--line-0:#86a1ff;--line-1:#fb923c;--line-2:#6fd6a0;--line-3:#e879f9;--line-4:#67d4e8;--line-5:#eab308;--line-6:#fb7185;--line-7:#a8b0bd}}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,500px),1fr));gap:16px;margin:16px 0 64px}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.9375rem}
.scroll th,.scroll td{padding:6px 12px 6px 0;text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.scroll th:first-child{text-align:left}
.scroll th{font-weight:600}
.scroll thead th{color:var(--soft);font-weight:400;font-size:.8125rem}
.scroll tbody tr{border-top:1px solid var(--rule)}
.swatch{display:inline-block;width:10px;height:10px;border-radius:3px;margin-right:8px}
.u-legend{font-size:.8125rem;text-align:left;margin:8px 0 0}
.u-legend th{font-weight:400}
.u-legend td{font-variant-numeric:tabular-nums;color:var(--soft)}
.u-inline tr{margin-right:14px}
.u-select{background:var(--accent);opacity:.15}
.u-hz .u-cursor-x,.u-vt .u-cursor-y{border-right-color:var(--soft)}
.u-hz .u-cursor-y,.u-vt .u-cursor-x{border-bottom-color:var(--soft)}
`;
