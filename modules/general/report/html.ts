import { type Block, barText, isNumeric, type Report } from './document.ts';

const style = `
@page { margin: 18mm 16mm 20mm; @bottom-right { content: counter(page) " / " counter(pages); font: 8pt sans-serif; } }
body { font: 11pt/1.45 system-ui, sans-serif; color: #1b1f24; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 20pt; margin: 0; } h2 { font-size: 14pt; margin: 1.6em 0 .4em; break-after: avoid; }
p { margin: .5em 0; white-space: pre-line; overflow-wrap: anywhere; } .under { color: #57606a; }
dl { display: flex; flex-wrap: wrap; gap: .8rem; margin: 1em 0; }
dl > div { border: 1px solid #d0d7de; border-radius: 6px; padding: .5rem .9rem; break-inside: avoid; }
dt { font-size: 9pt; color: #57606a; } dd { margin: 0; font-size: 16pt; font-weight: 600; }
table { border-collapse: collapse; width: 100%; margin: 1em 0; font-size: 10pt; }
caption, figcaption { text-align: left; font-weight: 600; padding: .3em 0; }
thead { display: table-header-group; } tr { break-inside: avoid; }
th, td { text-align: left; vertical-align: top; padding: .3em .6em; border-bottom: 1px solid #d0d7de; overflow-wrap: break-word; }
th { border-bottom: 2px solid #57606a; } .number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
figure { margin: 1em 0; break-inside: avoid; } svg { width: 100%; height: auto; }
@media print { body { margin: 0; max-width: none; padding: 0; } }`;

/** A report as one HTML page that loads and runs nothing: whatever the texts hold is shown as text. */
export function toHtml({ title, subtitle, sections }: Report, today: string): string {
  const body = sections.map(({ heading, blocks }) =>
    [
      '<section>',
      heading === null ? '' : `<h2>${toText(heading)}</h2>`,
      ...blocks.map(toBlock),
      '</section>',
    ]
      .filter((each) => each !== '')
      .join('\n'),
  );
  const under = subtitle === null ? today : `${subtitle} · ${today}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${toText(title)}</title>
<style>${style}
</style>
</head>
<body>
<header><h1>${toText(title)}</h1><p class="under">${toText(under)}</p></header>
${body.join('\n')}
</body>
</html>
`;
}

function toBlock(block: Block): string {
  switch (block.kind) {
    case 'text':
      return block.text
        .split(/\n\s*\n/)
        .map((paragraph) => `<p>${toText(paragraph.trim())}</p>`)
        .join('\n');
    case 'figures':
      return `<dl>${block.figures
        .map(({ label, value }) => `<div><dt>${toText(label)}</dt><dd>${toText(value)}</dd></div>`)
        .join('')}</dl>`;
    case 'table':
      return toTable(block);
    case 'chart':
      return toChart(block);
  }
}

function toTable({ caption, columns, rows }: Extract<Block, { kind: 'table' }>): string {
  const classes = columns.map((_, index) =>
    isNumeric(rows.map((row) => row[index] ?? '')) ? ' class="number"' : '',
  );
  const cells = (tag: string, texts: readonly string[]) =>
    texts.map((text, index) => `<${tag}${classes[index]}>${toText(text)}</${tag}>`).join('');
  return [
    '<table>',
    caption === null ? '' : `<caption>${toText(caption)}</caption>`,
    `<thead><tr>${cells('th', columns)}</tr></thead>`,
    `<tbody>${rows.map((row) => `<tr>${cells('td', row)}</tr>`).join('\n')}</tbody>`,
    '</table>',
  ].join('\n');
}

/** Widths in units of the picture, which scales. */
const chartWidth = 640;
const labelWidth = 170;
const valueWidth = 110;
const barHeight = 22;

function toChart({ caption, unit, bars }: Extract<Block, { kind: 'chart' }>): string {
  const lowest = Math.min(0, ...bars.map(({ value }) => value));
  const range = Math.max(0, ...bars.map(({ value }) => value)) - lowest || 1;
  const scale = (chartWidth - labelWidth - valueWidth) / range;
  const zero = labelWidth - lowest * scale;
  const drawn = bars.map(({ label, value }, index) => {
    const y = index * barHeight;
    const x = value < 0 ? zero + value * scale : zero;
    const [width, end] = [Math.abs(value) * scale, x + Math.abs(value) * scale];
    const shown = label.length > 22 ? `${label.slice(0, 21)}…` : label;
    return `<text x="${labelWidth - 8}" y="${y + 15}" text-anchor="end">${toText(shown)}</text>
<rect x="${x.toFixed(1)}" y="${y + 3}" width="${width.toFixed(1)}" height="${barHeight - 6}" fill="#3b6ea5"/>
<text x="${(end + 6).toFixed(1)}" y="${y + 15}">${toText(barText(value, unit))}</text>`;
  });
  const title = caption === null ? '' : `<figcaption>${toText(caption)}</figcaption>`;
  return `<figure>${title}<svg viewBox="0 0 ${chartWidth} ${bars.length * barHeight}" font-size="12" role="img">
${drawn.join('\n')}
</svg></figure>`;
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function toText(text: string): string {
  return text.replace(/[&<>"']/g, (each) => entities[each] ?? each);
}
