import { z } from 'tutti';
import { unprintableIn } from './printable.ts';

const line = z.string().min(1).max(300);
const columnsAtMost = 12;
/** Of a whole report: laying out 20,000 cells takes some seconds. */
const cellsAtMost = 20_000;
const charactersAtMost = 1_000_000;

const paragraphs = z.object({
  kind: z.literal('text'),
  text: z.string().min(1).max(20_000).describe('plain text; an empty line begins a new paragraph'),
});

const figures = z.object({
  kind: z.literal('figures'),
  figures: z
    .array(z.object({ label: line, value: z.string().min(1).max(40) }))
    .min(1)
    .max(8)
    .describe('key figures, shown large'),
});

const table = z
  .object({
    kind: z.literal('table'),
    caption: z.string().max(300).nullable(),
    columns: z.array(z.string().max(100)).min(1).max(columnsAtMost),
    rows: z
      .array(z.array(z.string().max(2_000)))
      .max(2_000)
      .describe('one text for each column'),
  })
  .superRefine(({ columns, rows }, context) => {
    const short = rows.findIndex((row) => row.length !== columns.length);
    if (short >= 0)
      context.addIssue({
        code: 'custom',
        path: ['rows', short],
        message: `has ${rows[short]?.length} texts for ${columns.length} columns`,
      });
  });

const chart = z.object({
  kind: z.literal('chart'),
  caption: z.string().max(300).nullable(),
  unit: z.string().max(20).nullable(),
  bars: z
    .array(z.object({ label: line, value: z.number() }))
    .min(1)
    .max(40),
});

/** What a report says, and the file that it becomes. */
export const reportSchema = z
  .object({
    path: z
      .string()
      .max(500)
      .regex(/\.(html|pdf)$/, 'must end in .html or .pdf')
      .describe('file to write, for example reports/june.pdf; its ending chooses the format'),
    title: line,
    subtitle: z.string().max(300).nullable(),
    sections: z
      .array(
        z.object({
          heading: line.nullable(),
          blocks: z
            .array(z.discriminatedUnion('kind', [paragraphs, figures, table, chart]))
            .max(50),
        }),
      )
      .min(1)
      .max(50),
  })
  .superRefine((report, context) => {
    const texts = textsOf(report);
    const characters = texts.reduce((sum, text) => sum + text.length, 0);
    if (texts.length > cellsAtMost || characters > charactersAtMost) {
      const message = `have ${texts.length} texts of ${characters} characters, more than ${cellsAtMost} or ${charactersAtMost}; make several reports`;
      context.addIssue({ code: 'custom', path: ['sections'], message });
    }
    if (!report.path.endsWith('.pdf')) return;
    const found = unprintableIn(texts);
    if (found.length === 0) return;
    const message = `is a PDF, which prints letters of Latin, Greek, Cyrillic, Armenian and Georgian, and not ${shown(found)}; name an .html file, or write it otherwise`;
    context.addIssue({ code: 'custom', path: ['path'], message });
  });

/** What a report says. */
export type Report = z.output<typeof reportSchema>;

/** One part of a section. */
export type Block = Report['sections'][number]['blocks'][number];

/** Whether a column holds numbers, which stand right-aligned: `1,234.50`, `-3 %`, `EUR 12`. */
export function isNumeric(cells: readonly string[]): boolean {
  const filled = cells.filter((cell) => cell.trim() !== '');
  return filled.length > 0 && filled.every((cell) => numeric.test(cell.trim()));
}

const numeric = /^(\p{Lu}{3}\s|\p{Sc}\s?)?[-+−]?\d[\d.,'’\s]*(\s?(%|\p{Sc}|\p{Lu}{3}))?$/u;

/** What stands beside a bar. */
export function barText(value: number, unit: string | null): string {
  return unit === null ? String(value) : `${value} ${unit}`;
}

/** Every text of a report, its path aside. */
function textsOf({ title, subtitle, sections }: Pick<Report, 'title' | 'subtitle' | 'sections'>) {
  return [
    title,
    subtitle ?? '',
    ...sections.flatMap(({ heading, blocks }) => [heading ?? '', ...blocks.flatMap(textsIn)]),
  ];
}

function textsIn(block: Block): readonly string[] {
  switch (block.kind) {
    case 'text':
      return [block.text];
    case 'figures':
      return block.figures.flatMap(({ label, value }) => [label, value]);
    case 'table':
      return [block.caption ?? '', ...block.columns, ...block.rows.flat()];
    case 'chart':
      return [block.caption ?? '', block.unit ?? '', ...block.bars.map(({ label }) => label)];
  }
}

/** Characters with their code points, ten at most. */
function shown(characters: readonly string[]): string {
  const named = characters.slice(0, 10).map((character) => {
    const code = character.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0');
    return `'${character}' (U+${code})`;
  });
  const more = characters.length - named.length;
  return more === 0 ? named.join(', ') : `${named.join(', ')} and ${more} more`;
}
