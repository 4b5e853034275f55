import { countOf, formatCost, formatCount, formatDay, formatDuration } from '../format.ts';
import type { RunRecord } from '../record.ts';
import { cancelNote, failedNote, rehearsalNote, retryNote } from '../summary.ts';
import { type Html, html } from './html.ts';

const statusWords: Readonly<Record<string, string>> = {
  succeeded: 'Succeeded',
  partial: 'Succeeded in part',
  failed: 'Failed',
  cancelled: 'Cancelled',
};

/** The top of the page: whose night it was, how it ended, and its figures. */
export function overview(record: RunRecord): Html {
  const { head, summary, group } = record;
  return html`<header>
<p class="eyebrow">${group} · ${head.rehearsal ? 'rehearsal of the ' : ''}${head.workflow} run${head.company === null ? '' : ` of ${head.company}`}</p>
<h1>${formatDay(head.businessDate)}</h1>
<div class="status ${summary.status}">${statusMark(summary.status)}${statusWords[summary.status] ?? `Still ${summary.status}`}${
    summary.proposals > 0 && `, ${countOf(record.proposals.length, 'proposal')} open`
  }</div>
${head.rehearsal && html`<p class="lead" data-rehearsal="true"><strong>${rehearsalNote}</strong></p>`}${retryNote(head) && html`<p class="lead" data-retry="true">This run: ${retryNote(head)}.</p>`}${head.goal !== null && html`<p class="lead" data-goal="true">Goal: ${head.goal}</p>`}${cancelNote(record) && html`<p class="lead" data-cancelled="true">${cancelNote(record)}</p>`}<p class="lead">${sentence(record)}</p>
<dl class="figures">
${figure('Findings', ['findings', summary.findings])}
${head.rehearsal ? figure('Writes it would have had', ['observed', summary.observed]) : figure('Proposals open', ['proposals-open', record.proposals.length])}
${figure('Agents', ['agents', summary.agents])}
${figure('Tool calls', ['tool-calls', summary.toolCalls])}
${figure('Records read', ['records-read', summary.recordsRead])}
${figure('Duration', ['duration-ms', summary.durationMs], formatDuration(summary.durationMs))}
${figure(head.rehearsal ? 'Cost, simulated' : 'Cost', ['cost-micro-usd', summary.costMicroUsd], formatCost(summary.costMicroUsd))}
</dl>
</header>`;
}

/** A figure with its exact value beside the one that people read. */
function figure(
  label: string,
  exact: readonly [name: string, value: number],
  shown = formatCount(exact[1]),
): Html {
  return html`<div><dt>${label}</dt><dd data-figure="${exact[0]}" data-value="${exact[1]}">${shown}</dd></div>`;
}

function sentence(record: RunRecord): string {
  const { head, summary, findings, proposals } = record;
  const one = proposals.length === 1;
  return [
    `${countOf(summary.agents, 'agent')} of ${countOf(summary.modules.length, 'module')} read ${countOf(summary.recordsRead, 'record')} and reported ${weighed(findings)}.`,
    proposals.length > 0
      ? `${countOf(proposals.length, 'change')} to the ERP ${one ? 'is' : 'are'} proposed and ${one ? 'waits' : 'wait'} for a person.`
      : head.rehearsal
        ? `It would have made ${countOf(summary.observed, 'change')} to the ERP, or proposed them.`
        : 'No change to the ERP waits for a person.',
    failedNote(record),
    summary.tokens.input + summary.tokens.output > 0
      ? ''
      : 'No model was called: the agents ran their playbooks.',
  ]
    .filter((part) => part !== '')
    .join(' ');
}

function weighed(findings: RunRecord['findings']): string {
  if (findings.length === 0) return 'nothing';
  const grave = findings.filter(
    ({ severity }) => severity === 'critical' || severity === 'high',
  ).length;
  const known = findings.filter((finding) => finding.known).length;
  const age =
    known === 0
      ? 'all of them new'
      : known === findings.length
        ? 'all of them known from earlier runs'
        : `${formatCount(known)} known from earlier runs`;
  return `${countOf(findings.length, 'finding')}, ${formatCount(grave)} high or critical, ${age}`;
}

function statusMark(status: string): Html {
  const path =
    status === 'succeeded'
      ? 'M3 8.5 6.5 12 13 4.5'
      : status === 'partial'
        ? 'M3 8h10M8 3v10'
        : status === 'failed'
          ? 'M4 4l8 8M12 4l-8 8'
          : 'M3 8h10';
  return html`<svg viewBox="0 0 16 16" aria-hidden="true"><path d="${path}" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"/></svg>`;
}
