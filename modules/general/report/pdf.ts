import { type ToolContext, z } from 'tutti';
import { type Block, barText, type Report } from './document.ts';
import { face, fontFiles } from './face.ts';
import { drawTable } from './pdf-table.ts';
import { printable } from './printable.ts';

/** The page: A4, points. */
const margin = 50;
const ink = '#1b1f24';
const grey = '#57606a';
const accent = '#3b6ea5';

/** A document under way. */
export type Pdf = PDFKit.PDFDocument;

/**
 * A report as a PDF that brings the letters it uses: page numbers, tables whose head stands on every page, and the business date as its date, so that
 * equal reports of a day are equal bytes.
 */
export async function toPdf(
  report: Report,
  { today, signal }: Pick<ToolContext, 'today' | 'signal'>,
): Promise<Uint8Array> {
  // Its fonts take 0.2 s to load, which a thread without reports does not spend.
  const { default: PDFDocument } = await import('pdfkit');
  // The library wants a date object, and would take the present moment.
  const date = z.coerce.date().parse(`${today}T00:00:00Z`);
  const title = printable(report.title);
  const files = fontFiles();
  const pdf = new PDFDocument({
    // None: the library knows a font by one name only, and would read and parse that one's file anew each time it is asked for by another.
    font: '',
    size: 'A4',
    margin,
    bufferPages: true,
    displayTitle: true,
    lang: 'en',
    info: { Title: title, Creator: 'Tutti', Producer: 'Tutti', CreationDate: date, ModDate: date },
  });
  pdf.registerFont(face.plain, files.plain);
  pdf.registerFont(face.bold, files.bold);
  const chunks: Uint8Array[] = [];
  const ended = new Promise((resolve, reject) => {
    pdf.on('data', (chunk: Uint8Array) => chunks.push(chunk));
    pdf.on('end', resolve);
    pdf.on('error', reject);
  });
  const pause = async (): Promise<void> => {
    await new Promise((resolve) => setImmediate(resolve));
    signal.throwIfAborted();
  };
  await draw(pdf, report, { today, pause });
  numberPages(pdf, title);
  pdf.end();
  await ended;
  return Buffer.concat(chunks);
}

interface Terms {
  readonly today: string;
  /** Awaited often: others share the thread. */
  readonly pause: () => Promise<void>;
}

async function draw(
  pdf: Pdf,
  { title, subtitle, sections }: Report,
  { today, pause }: Terms,
): Promise<void> {
  const under = subtitle === null ? today : `${subtitle} · ${today}`;
  pdf.font(face.bold).fontSize(20).fillColor(ink).text(printable(title));
  pdf.font(face.plain).fontSize(10).fillColor(grey).text(printable(under));
  for (const { heading, blocks } of sections) {
    pdf.moveDown(1);
    if (heading !== null) {
      keep(pdf, 60);
      pdf.font(face.bold).fontSize(14).fillColor(ink).text(printable(heading));
      pdf.moveDown(0.3);
    }
    for (const block of blocks) await drawBlock(pdf, block, pause);
  }
}

async function drawBlock(pdf: Pdf, block: Block, pause: Terms['pause']): Promise<void> {
  await pause();
  pdf.x = margin;
  switch (block.kind) {
    case 'text':
      for (const paragraph of block.text.split(/\n\s*\n/)) {
        const text = printable(paragraph.trim());
        pdf.font(face.plain).fontSize(10.5).fillColor(ink).text(text, { lineGap: 2 });
        pdf.moveDown(0.5);
      }
      return;
    case 'figures':
      return drawFigures(pdf, block);
    case 'table':
      drawCaption(pdf, block.caption);
      return await drawTable(pdf, block, {
        ...{ left: margin, width: widthOf(pdf), ink, line: '#d0d7de' },
        pause,
      });
    case 'chart':
      return drawChart(pdf, block);
  }
}

/** Begins a page where so many points are not left. */
function keep(pdf: Pdf, points: number): void {
  if (pdf.y + points > pdf.page.height - margin) pdf.addPage();
}

function widthOf(pdf: Pdf): number {
  return pdf.page.width - 2 * margin;
}

function drawCaption(pdf: Pdf, caption: string | null): void {
  if (caption === null || caption === '') return;
  keep(pdf, 50);
  pdf.font(face.bold).fontSize(10).fillColor(ink).text(printable(caption), margin);
  pdf.moveDown(0.3);
}

function drawFigures(pdf: Pdf, { figures }: Extract<Block, { kind: 'figures' }>): void {
  const perRow = Math.min(4, figures.length);
  const width = widthOf(pdf) / perRow;
  for (let first = 0; first < figures.length; first += perRow) {
    keep(pdf, 48);
    const top = pdf.y;
    for (const [index, { label, value }] of figures.slice(first, first + perRow).entries()) {
      const [x, room] = [
        margin + index * width,
        { width: width - 10, lineBreak: false, ellipsis: true },
      ];
      pdf.font(face.plain).fontSize(8.5).fillColor(grey).text(printable(label), x, top, room);
      pdf.font(face.bold).fontSize(15).fillColor(ink);
      pdf.text(printable(value), x, top + 12, room);
    }
    pdf.x = margin;
    pdf.y = top + 40;
  }
}

function drawChart(pdf: Pdf, { caption, unit, bars }: Extract<Block, { kind: 'chart' }>): void {
  const [height, labels, values] = [18, 150, 100];
  drawCaption(pdf, caption);
  const lowest = Math.min(0, ...bars.map(({ value }) => value));
  const range = Math.max(0, ...bars.map(({ value }) => value)) - lowest || 1;
  const scale = (widthOf(pdf) - labels - values) / range;
  const zero = margin + labels - lowest * scale;
  for (const { label, value } of bars) {
    keep(pdf, height);
    const top = pdf.y;
    const x = value < 0 ? zero + value * scale : zero;
    const length = Math.abs(value) * scale;
    const cell = { lineBreak: false, ellipsis: true };
    pdf.font(face.plain).fontSize(9).fillColor(ink);
    pdf.text(shortened(pdf, label, labels - 8), margin, top + 3, {
      ...cell,
      width: labels - 8,
      align: 'right',
    });
    pdf.rect(x, top + 2, Math.max(length, 0.5), height - 6).fill(accent);
    pdf
      .fillColor(ink)
      .text(printable(barText(value, unit)), x + length + 5, top + 3, { lineBreak: false });
    pdf.x = margin;
    pdf.y = top + height;
  }
  pdf.moveDown(0.5);
}

/** A text that fits a width in the font of the moment. */
function shortened(pdf: Pdf, text: string, width: number): string {
  let shown = printable(text);
  while (shown.length > 1 && pdf.widthOfString(shown) > width) shown = `${shown.slice(0, -2)}…`;
  return shown;
}

function numberPages(pdf: Pdf, title: string): void {
  const { count } = pdf.bufferedPageRange();
  for (let page = 0; page < count; page += 1) {
    pdf.switchToPage(page);
    // Text in the bottom margin would begin a page of its own.
    pdf.page.margins.bottom = 0;
    const y = pdf.page.height - 32;
    pdf.font(face.plain).fontSize(8).fillColor(grey);
    const room = { width: widthOf(pdf) - 80, lineBreak: false, ellipsis: true };
    pdf.text(title, margin, y, room);
    pdf.text(`${page + 1} / ${count}`, margin, y, {
      width: widthOf(pdf),
      align: 'right',
      lineBreak: false,
    });
  }
}
