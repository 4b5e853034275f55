import type { MorningReport } from './morning-report.ts';
import { linkOf, type ReportStyle, sectionsOf, subjectOf } from './morning-report-text.ts';
import { html } from './report/html.ts';

/** The report as a page for programs that show mail: plain elements, every style at its element, nothing that is fetched. */
export function htmlOf(report: MorningReport, style: ReportStyle): string {
  const [first, ...rest] = sectionsOf(report, style);
  const own = linkOf(style, report.head.id);
  const links = own === null ? rest : rest.slice(0, -1);
  const page = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${subjectOf(report)}</title></head>
<body style="margin:0;padding:24px;background:#f6f5f2;color:#1d1d1b;font:15px/1.5 Helvetica,Arial,sans-serif"><div style="max-width:640px;margin:0 auto;background:#fff;padding:28px 32px">
<h1 style="font-size:21px;margin:0 0 12px">${first?.title ?? ''}</h1>
${(first?.lines ?? []).map((line) => html`<p style="margin:0 0 4px;color:#55534d">${line}</p>`)}
${links.map(
  ({ title, lines }) => html`<h2 style="font-size:16px;margin:26px 0 6px">${title}</h2>
<ul style="margin:0;padding:0 0 0 18px">${lines.map((line) => html`<li>${line.replace(/^– /, '')}</li>`)}</ul>`,
)}
${own !== null && html`<p style="margin:28px 0 0"><a href="${own}" style="color:#2f6690">The whole report</a></p>`}
</div></body></html>
`;
  return page.text;
}
