import { countOf } from '../format.ts';
import type { AgentStep, RunRecord } from '../record.ts';
import { type Html, html } from './html.ts';

/** What failed, what was degraded, and what had to be tried again. */
export function troubles(record: RunRecord): Html {
  const failed = record.steps.filter((step) => step.status === 'failed');
  const degraded = record.steps.filter((step) => step.degraded && step.status !== 'failed');
  const skipped = record.steps.filter(
    (step) => step.status === 'skipped' || step.status === 'cancelled',
  ).length;
  return html`<section id="troubles"><h2>What failed or was degraded</h2>
<p class="soft">${sentence({ failed: failed.length, degraded: degraded.length, skipped, retries: record.retries })}</p>
${
  failed.length + degraded.length > 0 &&
  html`<div class="wrap"><table><thead><tr><th scope="col">Step</th><th scope="col">Agent</th><th scope="col">What happened</th><th scope="col" class="number">Attempts</th></tr></thead>
<tbody>${[...failed, ...degraded].map(row)}</tbody></table></div>`
}</section>`;
}

function sentence(counts: {
  readonly failed: number;
  readonly degraded: number;
  readonly skipped: number;
  readonly retries: number;
}): string {
  const parts = [
    counts.failed > 0 && `${countOf(counts.failed, 'agent')} failed.`,
    counts.degraded > 0 &&
      `${countOf(counts.degraded, 'agent')} ran their playbook because the model was not to be had.`,
    counts.skipped > 0 && `${countOf(counts.skipped, 'step')} did not run.`,
    counts.retries > 0 &&
      `${countOf(counts.retries, 'attempt')} failed and ${counts.retries === 1 ? 'was' : 'were'} tried again.`,
  ].filter((part) => part !== false);
  return parts.length === 0
    ? 'Nothing: every agent ended as it should, at its first attempt.'
    : parts.join(' ');
}

function row(step: AgentStep): Html {
  const what =
    step.status === 'failed'
      ? `${step.error?.code ?? 'Failed'}: ${step.error?.message ?? 'no reason is recorded'}`
      : 'Degraded: ran its playbook instead of a model.';
  return html`<tr data-trouble="${step.status === 'failed' ? 'failed' : 'degraded'}"><td class="what">${step.path}</td><td class="nowrap">${step.agent}</td><td class="what">${what}</td><td class="number">${step.attempt}</td></tr>`;
}
