import { type Block, isNumeric } from './document.ts';
import { face } from './face.ts';
import { printable } from './printable.ts';

type Table = Extract<Block, { kind: 'table' }>;
type Pdf = PDFKit.PDFDocument;

/** Where a table stands, and its colours. */
interface Place {
  readonly left: number;
  readonly width: number;
  readonly ink: string;
  readonly line: string;
}

interface Row {
  readonly cells: readonly string[];
  readonly isHead: boolean;
}

const fontSize = 9;
const padding = 4;
const leastWidth = 36;
/** Rows by which column widths are chosen; measuring all of a long table takes seconds. */
const measuredRows = 200;
const rowsAtOnce = 10;

interface Column {
  readonly x: number;
  readonly width: number;
  readonly align: 'left' | 'right';
}

/**
 * Draws a table over as many pages as it takes; each begins with its head. A row that is taller than a page is cut at its end. `pause` is
 * awaited now and then: a long table takes seconds, and others share the thread.
 */
export async function drawTable(
  pdf: Pdf,
  table: Table,
  { pause, ...place }: Place & { readonly pause: () => Promise<void> },
): Promise<void> {
  const columns = columnsOf(pdf, table, place);
  const draw = (row: Row, height: number): void => drawRow(pdf, row, { ...place, columns, height });
  const head = { cells: table.columns, isHead: true };
  const headHeight = heightOf(pdf, head, columns);
  // A head at the foot of a page belongs to the next one.
  if (pdf.y + 2 * headHeight > bottomOf(pdf)) pdf.addPage();
  draw(head, headHeight);
  for (const [index, cells] of table.rows.entries()) {
    if (index % rowsAtOnce === 0) await pause();
    const row = { cells, isHead: false };
    const height = heightOf(pdf, row, columns);
    if (pdf.y + height > bottomOf(pdf)) {
      pdf.addPage();
      draw(head, headHeight);
    }
    draw(row, height);
  }
  pdf.x = place.left;
  pdf.y += 8;
}

function bottomOf(pdf: Pdf): number {
  return pdf.page.height - pdf.page.margins.bottom;
}

/** Widths by what the cells need, cut down evenly where the page is too narrow. */
function columnsOf(pdf: Pdf, { columns, rows }: Table, { left, width }: Place): readonly Column[] {
  const seen = rows.slice(0, measuredRows);
  const wanted = columns.map((head, index) => {
    const texts = [head, ...seen.map((row) => row[index] ?? '')];
    const widest = Math.max(...texts.map((text) => widthOf(pdf, text)));
    return Math.max(leastWidth, widest + 2 * padding + 1);
  });
  const widths = shareOut(wanted, width);
  let x = left;
  return columns.map((_, index) => {
    const own = widths[index] ?? leastWidth;
    const isNumber = isNumeric(rows.map((row) => row[index] ?? ''));
    const column = { x, width: own, align: isNumber ? ('right' as const) : ('left' as const) };
    x += own;
    return column;
  });
}

function widthOf(pdf: Pdf, text: string): number {
  pdf.font(face.bold).fontSize(fontSize);
  return Math.max(
    ...printable(text)
      .split('\n')
      .map((each) => pdf.widthOfString(each)),
  );
}

/** Those that ask for less than an even share get it; the rest is shared in the same way among the others. */
function shareOut(wanted: readonly number[], width: number): readonly number[] {
  const total = wanted.reduce((sum, each) => sum + each, 0);
  if (total <= width) return wanted.map((each) => (each * width) / total);
  const widths = new Map<number, number>();
  let [room, open] = [width, wanted.map((_, index) => index)];
  for (;;) {
    const share = room / open.length;
    const content = open.filter((index) => (wanted[index] ?? 0) <= share);
    if (content.length === 0) {
      for (const index of open) widths.set(index, share);
      return wanted.map((_, index) => widths.get(index) ?? leastWidth);
    }
    for (const index of content) {
      widths.set(index, wanted[index] ?? 0);
      room -= wanted[index] ?? 0;
    }
    open = open.filter((index) => !content.includes(index));
  }
}

function heightOf(pdf: Pdf, row: Row, columns: readonly Column[]): number {
  setFont(pdf, row);
  const heights = columns.map(({ width }, index) =>
    pdf.heightOfString(printable(row.cells[index] ?? ''), { width: width - 2 * padding }),
  );
  const most = pdf.page.height - 2 * pdf.page.margins.bottom - 40;
  return Math.min(most, Math.max(fontSize, ...heights) + 2 * padding);
}

function setFont(pdf: Pdf, { isHead }: Row): void {
  pdf.font(isHead ? face.bold : face.plain).fontSize(fontSize);
}

function drawRow(
  pdf: Pdf,
  row: Row,
  {
    left,
    width,
    ink,
    line,
    columns,
    height,
  }: Place & { readonly columns: readonly Column[]; readonly height: number },
): void {
  setFont(pdf, row);
  pdf.fillColor(ink);
  const top = pdf.y;
  for (const [index, { x, width: own, align }] of columns.entries()) {
    const room = { width: own - 2 * padding, height: height - padding, align, ellipsis: true };
    pdf.text(printable(row.cells[index] ?? ''), x + padding, top + padding, room);
  }
  pdf.moveTo(left, top + height).lineTo(left + width, top + height);
  pdf.lineWidth(row.isHead ? 1 : 0.5).stroke(row.isHead ? ink : line);
  pdf.x = left;
  pdf.y = top + height;
}
