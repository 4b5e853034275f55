import type { FindingView } from '../../../engine/history/views.ts';
import { severities } from '../../../sdk/severity.ts';
import { countOf, formatAmount, formatCount, moduleName, plainName } from '../format.ts';
import { modulesOf, type RunRecord, sumAmounts } from '../record.ts';
import { round, scale } from './chart.ts';
import { type Html, html } from './html.ts';
import { moduleMark, severityHead, severityMark } from './marks.ts';

/** What was found: modules by severity with the amounts at stake, and the agents that found it. */
export function findingMatrix(record: RunRecord): Html {
  const modules = modulesOf(record);
  const currencies = sumAmounts(record.findings).map((sum) => sum.currency);
  const row = (label: Html, module: string, findings: readonly FindingView[]): Html =>
    html`<tr><th scope="row">${label}</th>${counts(module, findings)}${amounts(findings, currencies)}</tr>`;
  const rows = modules.map((module, index) =>
    row(
      html`${moduleMark(index % 8)}${moduleName(module)}`,
      module,
      record.findings.filter((each) => each.module === module),
    ),
  );
  return html`<section id="found"><h2>What was found</h2>
<p class="soft">${countOf(record.findings.length, 'finding')} by module and severity. Amounts are added up in each currency by itself.</p>
<div class="wrap"><table class="matrix"><thead><tr><th scope="col">Module</th>${severities.map(severityHead)}<th scope="col" class="number">All</th>${currencies.map((currency) => html`<th scope="col" class="number">${currency}</th>`)}</tr></thead>
<tbody>${rows}</tbody><tfoot>${row(html`All modules`, 'all', record.findings)}</tfoot></table></div>
${findingChart(record, modules)}</section>`;
}

function counts(module: string, findings: readonly FindingView[]): readonly Html[] {
  const cell = (severity: string, count: number): Html =>
    html`<td class="number${count === 0 && ' zero'}" data-module="${module}" data-severity-column="${severity}" data-value="${count}">${formatCount(count)}</td>`;
  const found = (severity: string): number =>
    findings.filter((each) => each.severity === severity).length;
  return [
    ...severities.map((severity) => cell(severity, found(severity))),
    cell('all', findings.length),
  ];
}

function amounts(findings: readonly FindingView[], currencies: readonly string[]): readonly Html[] {
  const sums = new Map(sumAmounts(findings).map((sum) => [sum.currency, sum.amount]));
  return currencies.map((currency) => {
    const amount = sums.get(currency);
    if (amount === undefined) return html`<td class="number zero">–</td>`;
    return html`<td class="number" data-amount="${amount}" data-currency="${currency}">${formatAmount(amount)}</td>`;
  });
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
