import { formatSeconds, formatShare } from './output/format';
import { escapeHtml, factsPanel, htmlPage } from './page';

export interface GalleryPicture {
  readonly image: Buffer;
  readonly mediaType: 'image/jpeg' | 'image/png' | 'image/webp' | 'image/svg+xml';
  readonly made: string;
  /** Captions that are true of the picture; the first one is also its text alternative. */
  readonly truth: readonly string[];
  readonly right: boolean;
}

export interface Gallery {
  readonly title: string;
  readonly introduction: string;
  readonly facts: readonly { readonly label: string; readonly value: string }[];
  /** Test pictures whose caption is right in every particular, and what the commonest caption would score on the same ones. */
  readonly score: { readonly right: number; readonly baseline: number; readonly of: number };
  readonly commonestCaption: string;
  readonly stages: readonly { readonly name: string; readonly seconds: number }[];
  readonly epochs: readonly { readonly epoch: number; readonly loss: number; readonly validationLoss: number | null }[];
  readonly pictures: readonly GalleryPicture[];
}

/** One self-contained page: pictures as data addresses, no script, nothing loaded from anywhere. */
export function galleryPage(gallery: Gallery): string {
  const { title, introduction, facts, score, pictures } = gallery;
  const right = pictures.filter((picture) => picture.right).length;
  return htmlPage({
    title,
    introduction,
    style: STYLE,
    main: `<section class="panels" aria-label="Result">
<div class="panel">
<h2>Right in every particular</h2>
${scoreBar('The captioner', score.right, score.of, 'ours')}
${scoreBar('The commonest caption', score.baseline, score.of, 'theirs')}
<p class="note">Test pictures show arrangements of which none was in training. The commonest caption of them is “${escapeHtml(gallery.commonestCaption)}”.</p>
</div>
<div class="panel">
<h2>Loss by epoch</h2>
${lossChart(gallery.epochs)}
</div>
<div class="panel">
<h2>Where the time went</h2>
${stageBars(gallery.stages)}
</div>
${factsPanel(facts)}
</section>
<section aria-label="Pictures">
<h2 class="wide">Pictures it was never trained on</h2>
<input type="radio" name="show" id="show-all" checked><label for="show-all">All ${pictures.length}</label>
<input type="radio" name="show" id="show-right"><label for="show-right">Right ${right}</label>
<input type="radio" name="show" id="show-wrong"><label for="show-wrong">Wrong ${pictures.length - right}</label>
<div class="pictures">
${pictures.map(card).join('\n')}
</div>
</section>`,
  });
}

function card({ image, mediaType, made, truth, right }: GalleryPicture): string {
  const [first = '', ...others] = truth;
  return `<article class="${right ? 'right' : 'wrong'}">
<img src="data:${mediaType};base64,${image.toString('base64')}" alt="${escapeHtml(first)}" width="299" height="299">
<div class="text">
<p class="made"><span class="mark">${right ? '✓ right' : '✗ wrong'}</span> ${escapeHtml(made) || '<em>(nothing)</em>'}</p>
<p class="true">${escapeHtml(first)}</p>
${others.length === 0 ? '' : `<details><summary>${others.length} more true captions</summary><ul>${others.map((caption) => `<li>${escapeHtml(caption)}</li>`).join('')}</ul></details>`}
</div>
</article>`;
}

function scoreBar(label: string, part: number, of: number, kind: string): string {
  const width = of === 0 ? 0 : (100 * part) / of;
  return `<div class="score ${kind}"><div class="line"><span>${escapeHtml(label)}</span><span><strong>${formatShare(part, of)}</strong> <small>${part} of ${of}</small></span></div><div class="track"><div style="width:${width.toFixed(2)}%"></div></div></div>`;
}

function stageBars(stages: Gallery['stages']): string {
  const longest = Math.max(...stages.map((stage) => stage.seconds), 1e-9);
  return stages
    .map(
      ({ name, seconds }) =>
        `<div class="score stage"><div class="line"><span>${escapeHtml(name)}</span><span>${formatSeconds(seconds)}</span></div><div class="track"><div style="width:${((100 * seconds) / longest).toFixed(2)}%"></div></div></div>`,
    )
    .join('\n');
}

const CHART = { width: 320, height: 132, left: 30, right: 8, top: 8, bottom: 20 } as const;

/** Training and validation loss as two lines, drawn to the same scale from 0. */
function lossChart(epochs: Gallery['epochs']): string {
  if (epochs.length === 0) return '<p class="note">No epoch was finished.</p>';
  const { width, height, left, right, top, bottom } = CHART;
  const highest = Math.max(...epochs.flatMap(({ loss, validationLoss }) => [loss, validationLoss ?? 0]), 1e-9);
  const x = (index: number) => left + ((width - left - right) * index) / Math.max(1, epochs.length - 1);
  const y = (loss: number) => top + (height - top - bottom) * (1 - loss / highest);
  const line = (kind: string, points: readonly (readonly [number, number])[]) =>
    `<polyline class="${kind}" points="${points.map(([index, loss]) => `${x(index).toFixed(1)},${y(loss).toFixed(1)}`).join(' ')}"/>`;
  const training = epochs.map(({ loss }, index) => [index, loss] as const);
  const validation = epochs.flatMap(({ validationLoss }, index) => (validationLoss === null ? [] : [[index, validationLoss] as const]));
  const ticks = [0, highest / 2, highest]
    .map(
      (loss) =>
        `<line class="rule" x1="${left}" x2="${width - right}" y1="${y(loss).toFixed(1)}" y2="${y(loss).toFixed(1)}"/><text x="${left - 5}" y="${(y(loss) + 3).toFixed(1)}" text-anchor="end">${loss.toFixed(1)}</text>`,
    )
    .join('');
  const last = epochs.at(-1)!;
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="Loss of each epoch, at last ${last.loss.toFixed(3)}">
${ticks}${line('training', training)}${line('validation', validation)}
<text x="${left}" y="${height - 5}">epoch ${epochs[0]!.epoch}</text><text x="${width - right}" y="${height - 5}" text-anchor="end">epoch ${last.epoch}</text>
</svg>
<p class="key"><span class="training">training ${last.loss.toFixed(3)}</span>${last.validationLoss === null ? '' : ` <span class="validation">validation ${last.validationLoss.toFixed(3)}</span>`}</p>`;
}

const STYLE = `
.key{color:var(--soft);font-size:.8125rem}
.score+.score{margin-top:14px}
.stage+.stage{margin-top:8px}
.line{display:flex;justify-content:space-between;gap:12px;font-size:.9375rem}
.line span+span{white-space:nowrap}
.stage .line{font-size:.875rem}
.stage .line span+span{color:var(--soft);font-variant-numeric:tabular-nums}
.track{height:10px;border-radius:5px;background:var(--rule);margin-top:4px;overflow:hidden}
.stage .track{height:5px;margin-top:2px}
.track div{height:100%;border-radius:inherit;background:var(--accent);min-width:2px}
.theirs .track div{background:var(--quiet)}
.ours strong{font-size:1.5rem;line-height:1;letter-spacing:-.02em}
svg{display:block;width:100%;height:auto}
svg text{font-size:9.5px;fill:var(--soft)}
.rule{stroke:var(--rule)}
polyline{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
polyline.training{stroke:var(--quiet)}
polyline.validation{stroke:var(--accent)}
.key{margin:8px 0 0}
.key span{margin-right:14px}
.key span::before{content:"";display:inline-block;width:14px;height:3px;border-radius:2px;margin-right:6px;vertical-align:middle}
.key .training::before{background:var(--quiet)}
.key .validation::before{background:var(--accent)}
input[type=radio]{position:absolute;opacity:0}
input[type=radio]+label{display:inline-block;padding:4px 14px;margin:0 6px 18px 0;border:1px solid var(--rule);border-radius:999px;background:var(--card);font-size:.875rem;cursor:pointer}
input[type=radio]:checked+label{background:var(--ink);border-color:var(--ink);color:var(--paper)}
input[type=radio]:focus-visible+label{outline:2px solid var(--accent);outline-offset:2px}
#show-right:checked~.pictures .wrong,#show-wrong:checked~.pictures .right{display:none}
img{display:block;width:100%;height:auto;aspect-ratio:1;object-fit:cover;background:var(--rule)}
.right .mark{background:var(--good-paper);color:var(--good)}
.wrong .mark{background:var(--bad-paper);color:var(--bad)}
`;
