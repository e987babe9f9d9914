import { formatSeconds, formatShare } from './output/format';

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
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>${escapeHtml(title)}</h1>
<p class="lead">${escapeHtml(introduction)}</p>
</header>
<main>
<section class="panels" aria-label="Result">
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
<dl class="panel facts">
${facts.map(({ label, value }) => `<div><dt>${escapeHtml(label)}</dt><dd>${escapeHtml(value)}</dd></div>`).join('\n')}
</dl>
</section>
<section aria-label="Pictures">
<h2 class="wide">Pictures it was never trained on</h2>
<input type="radio" name="show" id="show-all" checked><label for="show-all">All ${pictures.length}</label>
<input type="radio" name="show" id="show-right"><label for="show-right">Right ${right}</label>
<input type="radio" name="show" id="show-wrong"><label for="show-wrong">Wrong ${pictures.length - right}</label>
<div class="pictures">
${pictures.map(card).join('\n')}
</div>
</section>
</main>
</body>
</html>
`;
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

/** Text as HTML, safe in elements and in quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

const STYLE = `
:root{--paper:#f6f5f2;--card:#fff;--ink:#1c1d21;--soft:#686a73;--rule:#e3e1da;--accent:#3457d5;--quiet:#b4b6c0;--good:#18794e;--good-paper:#e3f5ea;--bad:#b4322a;--bad-paper:#fbe9e7}
@media (prefers-color-scheme:dark){:root{--paper:#131418;--card:#1d1f25;--ink:#ecedf0;--soft:#a0a3ad;--rule:#30333c;--accent:#86a1ff;--quiet:#5d616d;--good:#6fd6a0;--good-paper:#173527;--bad:#ff9a8f;--bad-paper:#40201d}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
header,main{max-width:1180px;margin:0 auto;padding:0 24px}
header{padding-top:48px}
h1{font-size:2rem;line-height:1.2;letter-spacing:-.02em;margin:0 0 8px}
h2{font-size:.95rem;margin:0 0 14px}
h2.wide{font-size:1.25rem;letter-spacing:-.01em;margin:40px 0 12px}
.lead{max-width:64ch;color:var(--soft);margin:0 0 28px}
.note,.key,small{color:var(--soft);font-size:.8125rem}
.note{margin:14px 0 0}
.panels{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,320px),1fr));gap:16px}
.panel{background:var(--card);border:1px solid var(--rule);border-radius:12px;padding:20px;margin:0}
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
.facts{grid-column:1/-1;display:grid;grid-template-columns:repeat(auto-fit,minmax(130px,1fr));gap:14px 20px}
dt{color:var(--soft);font-size:.8125rem}
dd{margin:0;font-weight:600;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
input[type=radio]{position:absolute;opacity:0}
input[type=radio]+label{display:inline-block;padding:4px 14px;margin:0 6px 18px 0;border:1px solid var(--rule);border-radius:999px;background:var(--card);font-size:.875rem;cursor:pointer}
input[type=radio]:checked+label{background:var(--ink);border-color:var(--ink);color:var(--paper)}
input[type=radio]:focus-visible+label{outline:2px solid var(--accent);outline-offset:2px}
#show-right:checked~.pictures .wrong,#show-wrong:checked~.pictures .right{display:none}
.pictures{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,250px),1fr));gap:20px;padding-bottom:64px}
article{background:var(--card);border:1px solid var(--rule);border-radius:12px;overflow:hidden}
img{display:block;width:100%;height:auto;aspect-ratio:1;object-fit:cover;background:var(--rule)}
.text{padding:12px 14px 14px}
.text p{margin:0}
.made{font-weight:600;line-height:1.35}
.mark{display:inline-block;padding:0 8px;margin-right:4px;border-radius:999px;font-size:.75rem;line-height:1.6;vertical-align:1px;white-space:nowrap}
.right .mark{background:var(--good-paper);color:var(--good)}
.wrong .mark{background:var(--bad-paper);color:var(--bad)}
.text .true{margin-top:6px;color:var(--soft);font-size:.875rem;line-height:1.4}
.true::before{content:"true: "}
details{margin-top:6px;color:var(--soft);font-size:.8125rem}
summary{cursor:pointer}
ul{margin:4px 0 0;padding-left:18px}
`;
