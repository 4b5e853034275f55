import type { FindingView } from '../../../engine/history/views.ts';
import { severities } from '../../../sdk/severity.ts';
import { countOf, formatAmount, moduleName, plainName } from '../format.ts';
import { modulesOf, type RunRecord } from '../record.ts';
import { type Html, html } from './html.ts';
import { moduleMark, severityMark } from './marks.ts';

/** Every finding with its evidence, by module and agent, worst first. */
export function findingList(record: RunRecord): Html {
  const known = record.findings.filter((finding) => finding.known).length;
  return html`<section id="findings"><h2>Findings</h2>
<p class="soft">${record.findings.length === 0 ? 'The agents reported nothing.' : 'By module and agent, worst first.'}${known > 0 && ` ${countOf(known, 'finding')} of an earlier run ${known === 1 ? 'is' : 'are'} marked as known.`}</p>
${record.findings.length > 0 && filter(known > 0)}
${modulesOf(record).map((module, index) =>
  ofModule(
    module,
    index,
    record.findings.filter((finding) => finding.module === module),
  ),
)}</section>`;
}

function filter(hasKnown: boolean): Html {
  return html`<div class="filter">${severities.map((severity) => html`<label><input type="checkbox" id="show-${severity}" checked>${severityMark(severity)}</label>`)}${
    hasKnown && html`<label><input type="checkbox" id="show-known" checked>known ones</label>`
  }</div>`;
}

function ofModule(module: string, index: number, findings: readonly FindingView[]): Html | null {
  if (findings.length === 0) return null;
  const byAgent = [...Map.groupBy(findings, (finding) => finding.agent)].sort(([a], [b]) =>
    a < b ? -1 : 1,
  );
  return html`<h3>${moduleMark(index % 8)}${moduleName(module)} <span class="count">${countOf(findings.length, 'finding')}</span></h3>
<div class="wrap"><table class="list"><thead><tr><th scope="col">Severity</th><th scope="col" class="kind">Kind</th><th scope="col">Finding</th><th scope="col" class="company">Company</th><th scope="col" class="number amount">Amount</th></tr></thead>
${byAgent.map(([agent, found]) => html`<tbody><tr class="agent"><th colspan="5" scope="rowgroup">${plainName(agent)}</th></tr>${found.map(row)}</tbody>`)}</table></div>`;
}

function row(finding: FindingView): Html {
  const { amount, currency } = finding;
  return html`<tr data-finding="${finding.id}" data-severity="${finding.severity}" data-known="${String(finding.known)}"><td>${severityMark(finding.severity)}</td><td class="kind">${finding.kind.replaceAll(/[._]/g, ' ')}${
    finding.known && html`<span class="known">known</span>`
  }</td><td class="what">${finding.summary === '' ? 'Its text has been erased.' : finding.summary}<span class="facts">${facts(finding)}</span></td><td class="company nowrap">${finding.company ?? 'group'}</td><td class="number amount">${
    amount !== null && `${formatAmount(amount)} ${currency ?? ''}`
  }</td></tr>`;
}

function facts({ records, evidence }: FindingView): string {
  const told = Object.entries(evidence).filter(([, value]) => value !== null && value !== '');
  return [
    ...records.map(({ entity, id }) => `${entity.replaceAll('_', ' ')} ${id}`),
    ...told.map(([name, value]) => `${words(name)}: ${String(value)}`),
  ].join(' · ');
}

/** `daily maximum` for `dailyMaximum`. */
function words(name: string): string {
  return /^[a-z]+([A-Z][a-z]+)+$/.test(name)
    ? name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
    : name;
}
