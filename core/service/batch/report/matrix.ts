import type { FindingView } from '../../../engine/run/views.ts';
import { countOf, formatAmount, formatCount, moduleName, plainName } from '../format.ts';
import { modulesOf, type RunRecord, severities, sumAmounts } from '../record.ts';
import { round, scale } from './chart.ts';
import { type Html, html } from './html.ts';
import { moduleMark, severityHead, severityMark } from './marks.ts';

/** What was found: modules by severity with the amounts at stake, and the agents that found it. */
export function findingMatrix(record: RunRecord): Html {
  const modules = modulesOf(record);
  return html`<section id="found"><h2>What was found</h2>
<p class="soft">${countOf(record.findings.length, 'finding')} by module and severity. Amounts are added up in each currency by itself.</p>
<div class="wrap"><table><thead><tr><th scope="col">Module</th>${severities.map(severityHead)}<th scope="col" class="number">All</th><th scope="col" class="number">Amounts</th></tr></thead>
<tbody>${modules.map((module, index) =>
    matrixRow(
      html`${moduleMark(index % 8)}${moduleName(module)}`,
      module,
      record.findings.filter((each) => each.module === module),
    ),
  )}</tbody>
<tfoot>${matrixRow(html`All modules`, 'all', record.findings)}</tfoot></table></div>
${findingChart(record, modules)}</section>`;
}

function matrixRow(label: Html, module: string, findings: readonly FindingView[]): Html {
  const cell = (severity: string, count: number): Html =>
    html`<td class="number${count === 0 && ' zero'}" data-module="${module}" data-severity-column="${severity}" data-value="${count}">${formatCount(count)}</td>`;
  return html`<tr><th scope="row">${label}</th>${severities.map((severity) =>
    cell(severity, findings.filter((each) => each.severity === severity).length),
  )}${cell('all', findings.length)}<td class="number">${amounts(findings)}</td></tr>`;
}

function amounts(findings: readonly FindingView[]): Html {
  const sums = sumAmounts(findings);
  if (sums.length === 0) return html`<span class="zero">–</span>`;
  return html`${sums.map(({ amount, currency }, index) => html`${index > 0 && html`<br>`}<span data-amount="${amount}" data-currency="${currency}">${formatAmount(amount)} ${currency}</span>`)}`;
}

const lineHeight = 26;
const left = 250;
const width = 1016;

/** One bar an agent, its severities side by side, worst first. */
function findingChart(record: RunRecord, modules: readonly string[]): Html | null {
  const byAgent = [...Map.groupBy(record.findings, (finding) => finding.agent)].sort(
    ([a, of], [b, or]) =>
      modules.indexOf(of[0]?.module ?? '') - modules.indexOf(or[0]?.module ?? '') ||
      or.length - of.length ||
      (a < b ? -1 : 1),
  );
  if (byAgent.length === 0) return null;
  const x = scale(Math.max(...byAgent.map(([, found]) => found.length)), {
    from: left,
    span: width - left - 60,
  });
  const height = byAgent.length * lineHeight + 4;
  return html`<div class="legend">${severities.map(severityMark)}</div>
<svg class="chart" viewBox="0 0 ${width} ${height}" role="img" aria-label="Findings by agent and severity">
${byAgent.map(([agent, found], index) => {
  const y = index * lineHeight + 5;
  return html`<g><rect class="bar m${modules.indexOf(found[0]?.module ?? '') % 8}" x="0" y="${y + 4}" width="8" height="8" rx="2"/>
<text class="name" x="17" y="${y + 12.5}">${plainName(agent)}</text>${bars(found, y, x)}
<text x="${round(x(found.length) + 9)}" y="${y + 12.5}">${found.length}</text></g>`;
})}</svg>`;
}

function bars(
  found: readonly FindingView[],
  y: number,
  x: (count: number) => number,
): readonly Html[] {
  let before = 0;
  return severities.flatMap((severity) => {
    const count = found.filter((each) => each.severity === severity).length;
    if (count === 0) return [];
    const from = x(before);
    before += count;
    return [
      html`<rect class="bar ${severity}" x="${from}" y="${y}" width="${round(Math.max(x(before) - from - 1.5, 1))}" height="16"><title>${count} ${severity}</title></rect>`,
    ];
  });
}
