import { defineTool, z } from 'tutti';
import { reportSchema } from '../report/document.ts';
import { toHtml } from '../report/html.ts';
import { toPdf } from '../report/pdf.ts';

/** A report of texts, key figures, tables and bar charts as a file. */
export const generateReport = defineTool({
  name: 'general.generate_report',
  description:
    'Writes a report with a title and sections of text, key figures, tables and bar charts as an HTML page or a PDF into the files.',
  category: 'reporting',
  access: 'public',
  effect: 'send',
  outside: ['files'],
  parameters: reportSchema,
  result: z.object({ path: z.string(), bytes: z.int(), sha256: z.string() }),
  // The whole content is the key: the same report is written once, another under the same path again.
  key: (report) => [report.path, JSON.stringify(report)],
  scope: 'step',
  undo: { none: 'the file may have been read; delete it, or write the earlier one again' },
  // The same content under the same path is the same file, however often it is written.
  repeatable: true,
}).handler(async (report, { files, today, signal }) => {
  const content = report.path.endsWith('.pdf')
    ? await toPdf(report, { today, signal })
    : toHtml(report, today);
  const { path, bytes, sha256 } = await files.write(report.path, content);
  return { path, bytes, sha256 };
});
