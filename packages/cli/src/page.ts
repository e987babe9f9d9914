import { createHash } from 'node:crypto';

export interface Page {
  readonly title: string;
  readonly introduction: string;
  /** Markup of everything below the heading. */
  readonly main: string;
  /** Beside the styles that all pages share. */
  readonly style: string;
  /** Programs that the page runs, in their order. No other runs in it. */
  readonly scripts?: readonly string[];
  /** Where its pictures are: in the page, or files beside it. */
  readonly pictures?: 'inside' | 'beside';
}

/** One page in Showtell's look, light or dark as its reader has it. Nothing is loaded from anywhere but the folder that it lies in. */
export function htmlPage({ title, introduction, main, style, scripts = [], pictures = 'inside' }: Page): string {
  const hashes = scripts.map((script) => `'sha256-${createHash('sha256').update(script).digest('base64')}'`).join(' ');
  const policy = [
    "default-src 'none'",
    `img-src ${pictures === 'inside' ? 'data:' : "'self' file:"}`,
    "style-src 'unsafe-inline'",
    ...(hashes === '' ? [] : [`script-src ${hashes}`]),
  ].join('; ');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>${escapeHtml(title)}</title>
<style>${STYLE}${style}</style>
</head>
<body>
<header>
<h1>${escapeHtml(title)}</h1>
<p class="lead">${escapeHtml(introduction)}</p>
</header>
<main>
${main}
</main>
${scripts.map((script) => `<script>${script}</script>`).join('\n')}
</body>
</html>
`;
}

/** Text as HTML, safe in elements and in quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** A value for the page's own scripts, which find it by `id`; it runs nothing and cannot end its element. */
export function dataElement(id: string, value: unknown): string {
  return `<script type="application/json" id="${id}">${JSON.stringify(value).replaceAll('<', '\\u003c')}</script>`;
}

/** Labels and values, in as many columns as fit. */
export function factsPanel(facts: readonly { readonly label: string; readonly value: string }[]): string {
  const items = facts.map(({ label, value }) => `<div><dt>${escapeHtml(label)}</dt><dd>${escapeHtml(value)}</dd></div>`);
  return `<dl class="panel facts">\n${items.join('\n')}\n</dl>`;
}

const STYLE = `
:root{--paper:#f6f5f2;--card:#fff;--ink:#1c1d21;--soft:#686a73;--rule:#e3e1da;--accent:#3457d5;--quiet:#b4b6c0;--good:#18794e;--good-paper:#e3f5ea;--bad:#b4322a;--bad-paper:#fbe9e7}
@media (prefers-color-scheme:dark){:root{--paper:#131418;--card:#1d1f25;--ink:#ecedf0;--soft:#a0a3ad;--rule:#30333c;--accent:#86a1ff;--quiet:#5d616d;--good:#6fd6a0;--good-paper:#173527;--bad:#ff9a8f;--bad-paper:#40201d}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
header,main{max-width:1180px;margin:0 auto;padding:0 24px}
header{padding-top:48px}
h1{font-size:2rem;line-height:1.2;letter-spacing:-.02em;margin:0 0 8px;overflow-wrap:anywhere}
h2{font-size:.95rem;margin:0 0 14px}
h2.wide{font-size:1.25rem;letter-spacing:-.01em;margin:40px 0 12px}
.lead{max-width:72ch;color:var(--soft);margin:0 0 28px}
.note,small{color:var(--soft);font-size:.8125rem}
.note{margin:14px 0 0}
.panels{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,320px),1fr));gap:16px}
.panel{background:var(--card);border:1px solid var(--rule);border-radius:12px;padding:20px;margin:0;min-width:0}
.facts{grid-column:1/-1;display:grid;grid-template-columns:repeat(auto-fit,minmax(130px,1fr));gap:14px 20px}
dt{color:var(--soft);font-size:.8125rem}
dd{margin:0;font-weight:600;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
.pictures{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,250px),1fr));gap:20px;padding-bottom:64px}
article{background:var(--card);border:1px solid var(--rule);border-radius:12px;overflow:hidden}
.text{padding:12px 14px 14px}
.text p{margin:0}
.made{font-weight:600;line-height:1.35}
.mark{display:inline-block;padding:0 8px;margin-right:4px;border-radius:999px;font-size:.75rem;line-height:1.6;vertical-align:1px;white-space:nowrap}
.text .true{margin-top:6px;color:var(--soft);font-size:.875rem;line-height:1.4}
.true::before{content:"true: "}
details{margin-top:6px;color:var(--soft);font-size:.8125rem}
summary{cursor:pointer}
ul{margin:4px 0 0;padding-left:18px}
`;
