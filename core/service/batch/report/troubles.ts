import { countOf } from '../format.ts';
import type { AgentStep, FailedNode, RunRecord } from '../record.ts';
import { failedNote } from '../summary.ts';
import { type Html, html } from './html.ts';

/** What failed, what was degraded, and what had to be tried again. */
export function troubles(record: RunRecord): Html {
  const failed = record.steps.filter((step) => step.status === 'failed');
  const degraded = record.steps.filter((step) => step.degraded && step.status !== 'failed');
  const skipped = record.steps.filter((step) => step.status === 'skipped').length;
  const { cancelled } = record.summary.steps;
  return html`<section id="troubles"><h2>What failed or was degraded</h2>
<p class="soft">${sentence({ failed: failedNote(record), degraded: degraded.length, skipped, cancelled, retries: record.retries })}</p>
${
  failed.length + record.failedNodes.length + degraded.length > 0 &&
  html`<div class="wrap"><table><thead><tr><th scope="col">Step</th><th scope="col">Agent</th><th scope="col">What happened</th><th scope="col" class="number">Attempts</th></tr></thead>
<tbody>${failed.map(row)}${record.failedNodes.map(nodeRow)}${degraded.map(row)}</tbody></table></div>`
}</section>`;
}

function sentence(counts: {
  readonly failed: string;
  readonly degraded: number;
  readonly skipped: number;
  readonly cancelled: number;
  readonly retries: number;
}): string {
  const parts = [
    counts.failed !== '' && counts.failed,
    counts.degraded > 0 &&
      `${countOf(counts.degraded, 'agent')} ran their playbook because the model was not to be had.`,
    counts.skipped > 0 && `${countOf(counts.skipped, 'step')} did not run.`,
    counts.cancelled > 0 &&
      `${countOf(counts.cancelled, 'step')} ${counts.cancelled === 1 ? 'was' : 'were'} cancelled.`,
    counts.retries > 0 &&
      `${countOf(counts.retries, 'attempt')} failed and ${counts.retries === 1 ? 'was' : 'were'} tried again.`,
  ].filter((part) => part !== false);
  return parts.length === 0
    ? 'Nothing: every agent ended as it should, at its first attempt.'
    : parts.join(' ');
}

function row(step: AgentStep): Html {
  const what =
    step.status === 'failed' ? reason(step) : 'Degraded: ran its playbook instead of a model.';
  return html`<tr data-trouble="${step.status === 'failed' ? 'failed' : 'degraded'}"><td class="what">${step.path}</td><td class="nowrap">${step.agent}</td><td class="what">${what}</td><td class="number">${step.attempt}</td></tr>`;
}

function nodeRow(node: FailedNode): Html {
  return html`<tr data-trouble="failed"><td class="what">${node.path}</td><td class="nowrap">${node.kind}</td><td class="what">${reason(node)}</td><td class="number"></td></tr>`;
}

function reason({ error }: Pick<FailedNode, 'error'>): string {
  return `${error?.code ?? 'Failed'}: ${error?.message ?? 'no reason is recorded'}`;
}
