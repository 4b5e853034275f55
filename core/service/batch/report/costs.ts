import { budgetPhrase, formatCost, formatCount, plainName } from '../format.ts';
import { type AgentSpend, modulesOf, type RunRecord } from '../record.ts';
import { round, scale } from './chart.ts';
import { type Html, html } from './html.ts';
import { moduleMark } from './marks.ts';

/** What the models cost, by module and agent. */
export function costs(record: RunRecord): Html {
  const modules = modulesOf(record);
  const used = record.spend
    .filter((spend) => spend.turns > 0)
    .toSorted((one, other) => other.costMicroUsd - one.costMicroUsd);
  return html`<section id="costs"><h2>Cost and tokens${record.head.rehearsal && ', simulated'}</h2>
${record.warnings.map((each) => html`<p class="soft">${budgetPhrase(each)}.</p>`)}${
  used.length === 0
    ? html`<p class="soft">No model was called, so the run cost nothing. Agents ran their playbooks: fixed procedures over the same tools.</p>`
    : html`<p class="soft">${record.head.rehearsal ? 'Simulated: what calls of this size would about have cost. Nobody is billed.' : 'What was billed, or had to be taken as billed.'}</p>${costChart(record, modules)}
<div class="wrap"><table><thead><tr><th scope="col">Agent</th><th scope="col" class="number">Runs</th><th scope="col" class="number">Model calls</th><th scope="col" class="number">Tokens in</th><th scope="col" class="number">Tokens out</th><th scope="col" class="number">Cost</th></tr></thead>
<tbody>${used.map((spend) => row(html`${moduleMark(modules.indexOf(spend.module) % 8)}${spend.agent}`, spend))}</tbody>
<tfoot>${row(html`All agents`, total(used))}</tfoot></table></div>`
}</section>`;
}

function total(used: readonly AgentSpend[]): Omit<AgentSpend, 'module' | 'agent'> {
  const sum = (of: (spend: AgentSpend) => number): number =>
    used.reduce((all, spend) => all + of(spend), 0);
  return {
    steps: sum((spend) => spend.steps),
    turns: sum((spend) => spend.turns),
    inputTokens: sum((spend) => spend.inputTokens),
    outputTokens: sum((spend) => spend.outputTokens),
    costMicroUsd: sum((spend) => spend.costMicroUsd),
  };
}

function row(label: Html, spend: Omit<AgentSpend, 'module' | 'agent'>): Html {
  return html`<tr><th scope="row">${label}</th><td class="number">${formatCount(spend.steps)}</td><td class="number">${formatCount(spend.turns)}</td><td class="number">${formatCount(spend.inputTokens)}</td><td class="number">${formatCount(spend.outputTokens)}</td><td class="number" data-cost="${spend.costMicroUsd}">${formatCost(spend.costMicroUsd)}</td></tr>`;
}

const width = 1016;
const left = 250;
const lineHeight = 26;

function costChart(record: RunRecord, modules: readonly string[]): Html {
  const shown = record.spend.filter((spend) => spend.costMicroUsd > 0);
  const x = scale(Math.max(0, ...shown.map((spend) => spend.costMicroUsd)), {
    from: left,
    span: width - left - 90,
  });
  return html`<svg class="chart" viewBox="0 0 ${width} ${shown.length * lineHeight + 4}" role="img" aria-label="Cost by agent">
${shown.map((spend, index) => {
  const y = index * lineHeight + 5;
  const to = x(spend.costMicroUsd);
  return html`<g class="m${modules.indexOf(spend.module) % 8}"><text class="name" x="0" y="${y + 12.5}">${plainName(spend.agent)}</text><rect class="bar" x="${left}" y="${y}" width="${round(Math.max(to - left, 1))}" height="16"/><text x="${round(to + 9)}" y="${y + 12.5}">${formatCost(spend.costMicroUsd)}</text></g>`;
})}</svg>`;
}
