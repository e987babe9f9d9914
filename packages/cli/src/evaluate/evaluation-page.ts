import type { ModelEvaluation } from '@showtell/trainer/evaluate-model';
import type { Examples } from '@showtell/trainer/evaluation/examples';
import { METRICS } from '@showtell/trainer/evaluation/scores';
import { plural } from '../output/format';
import { formatInterval, formatMetric, METRIC_LABELS } from '../output/metric-labels';
import { escapeHtml, factsPanel, htmlPage } from '../page';
import { factsOf, titleOf } from './format-evaluation';

type Image = ModelEvaluation['images'][number];

export interface EvaluationPage {
  readonly evaluation: ModelEvaluation;
  readonly examples: Examples<Image>;
  /** Addresses of photos, relative to the page, by image id. */
  readonly photos: ReadonlyMap<string, string>;
  /** Why photos are missing, if some are. */
  readonly trouble: string | undefined;
}

const SECTIONS = [
  ['good', 'Good', 'The highest CIDEr'],
  ['average', 'Average', 'The CIDEr nearest to the mean'],
  ['bad', 'Bad', 'The lowest CIDEr'],
] as const;

/** The scores of a model and examples of what it says: good, average and bad ones by CIDEr. The photos are files beside the page. */
export function evaluationPage({ evaluation, examples, photos, trouble }: EvaluationPage): string {
  const { metrics, intervals, model } = evaluation;
  return htmlPage({
    title: `What ${model.model} says`,
    introduction: `${titleOf(evaluation)}.`,
    pictures: 'beside',
    style: STYLE,
    main: `<section class="metrics" aria-label="Scores">
${METRICS.map((metric) => `<div class="panel"><span>${METRIC_LABELS[metric]}</span><strong>${formatMetric(metrics[metric])}</strong><small>${formatInterval(intervals[metric])}</small></div>`).join('\n')}
</section>
<p class="note">Below each score its 95 % bootstrap interval: how far chance in the choice of the images moves it. Photos are shown as the encoder sees them, the square in their middle.</p>
${factsPanel(factsOf(evaluation))}
${trouble === undefined ? '' : `<p class="trouble">${photos.size === 0 ? 'There are no pictures' : 'Some pictures are missing'}: ${escapeHtml(trouble)}</p>`}
${SECTIONS.map(([kind, heading, meaning]) => section(kind, heading, meaning, examples[kind], photos)).join('\n')}`,
  });
}

function section(kind: string, heading: string, meaning: string, images: readonly Image[], photos: ReadonlyMap<string, string>): string {
  if (images.length === 0) return '';
  return `<section aria-label="${heading}">
<h2 class="wide">${heading} <small>${meaning}: ${plural(images.length, 'image')}</small></h2>
<div class="pictures">
${images.map((image) => card(kind, image, photos.get(image.imageId))).join('\n')}
</div>
</section>`;
}

function card(kind: string, image: Image, photo: string | undefined): string {
  const { imageId, caption, references, CIDEr, Bleu_4, ROUGE_L } = image;
  const [first = '', ...others] = references;
  return `<article class="${kind}">
${photo === undefined ? `<div class="absent">image ${escapeHtml(imageId)}</div>` : `<img src="${escapeHtml(photo)}" alt="${escapeHtml(first)}" loading="lazy">`}
<div class="text">
<p class="made">${escapeHtml(caption) || '<em>(nothing)</em>'}</p>
<p class="true">${escapeHtml(first)}</p>
${others.length === 0 ? '' : `<details><summary>${plural(others.length, 'more true caption')}</summary><ul>${others.map((reference) => `<li>${escapeHtml(reference)}</li>`).join('')}</ul></details>`}
<p class="scores"><span class="mark">CIDEr ${CIDEr.toFixed(3)}</span> BLEU-4 ${Bleu_4.toFixed(3)} · ROUGE-L ${ROUGE_L.toFixed(3)} · <span class="id">${escapeHtml(imageId)}</span></p>
</div>
</article>`;
}

const STYLE = `
.metrics{display:grid;grid-template-columns:repeat(auto-fit,minmax(140px,1fr));gap:12px}
.metrics .panel{padding:14px 16px}
.metrics span,.metrics small{display:block;color:var(--soft);font-size:.8125rem;font-variant-numeric:tabular-nums}
.metrics strong{font-size:1.5rem;letter-spacing:-.02em;font-variant-numeric:tabular-nums}
.note{margin:10px 0 16px}
.facts{grid-template-columns:repeat(auto-fit,minmax(min(100%,240px),1fr))}
.facts dd{font-weight:400;font-size:.9375rem}
.trouble{background:var(--bad-paper);color:var(--bad);border-radius:12px;padding:12px 16px;overflow-wrap:anywhere}
h2 small{font-weight:400;letter-spacing:0;margin-left:8px}
.pictures{padding-bottom:8px}
main{padding-bottom:64px}
img,.absent{display:block;width:100%;aspect-ratio:1;object-fit:cover;background:var(--rule)}
.absent{display:flex;align-items:center;justify-content:center;color:var(--soft);font-size:.875rem;padding:12px;overflow-wrap:anywhere}
.text .scores{margin-top:10px;color:var(--soft);font-size:.8125rem;font-variant-numeric:tabular-nums}
.scores .id{overflow-wrap:anywhere}
.mark{background:var(--rule)}
.good .mark{background:var(--good-paper);color:var(--good)}
.bad .mark{background:var(--bad-paper);color:var(--bad)}
`;
