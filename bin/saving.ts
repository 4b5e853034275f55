import type { ModelComparison, ModelRecord } from '../core/engine/costs/saving-verdict.ts';
import type { AgentSaving, SavingView } from '../core/engine/costs/savings.ts';
import { countOf, formatCost, formatCount } from '../core/service/batch/format.ts';
import { type Terminal, table } from './terminal.ts';

/** `tutti costs --saving`: which models have run each agent, and where a cheaper one would have done. */
export function showSaving(terminal: Terminal, { agents, days, savedMicroUsd }: SavingView): void {
  const over = `in the last ${countOf(days, 'day')}`;
  if (agents.length === 0) return terminal.say(`No agent has asked a model ${over}.`);
  terminal.say(
    `Cheaper models would have done for ${formatCost(savedMicroUsd)} less ${over}, by what is on record.`,
  );
  terminal.say();
  const head = ['agent', 'model', 'steps', 'judged', 'good', 'with 95 %', 'a step'];
  const lines = agents.flatMap(({ agent, models }) =>
    models.map((each, index) => [index === 0 ? agent : '', ...cellsOf(each)]),
  );
  for (const line of table([head, ...lines], [2, 3, 4, 5, 6])) terminal.say(line);
  for (const each of agents) {
    terminal.say();
    terminal.say(each.agent);
    for (const line of verdictsOf(each)) terminal.say(`  ${line}`);
  }
}

function cellsOf(record: ModelRecord): readonly string[] {
  const { model, steps, judged, good, least, most, stepMicroUsd } = record;
  const share = judged === 0 ? '' : `${percent(least)}–${percent(most)} %`;
  const price = stepMicroUsd === null ? 'no price' : formatCost(stepMicroUsd);
  return [model, ...[steps, judged, good].map(formatCount), share, price];
}

function verdictsOf({ models, comparisons }: AgentSaving): readonly string[] {
  if (models.length === 1) return [`Only ${models[0]?.model} has run it: nothing to compare.`];
  if (comparisons.length === 0) return ['No two of its models have prices that differ.'];
  return comparisons.map(sentenceOf);
}

function sentenceOf({ cheaper, dearer, verdict, more, savedMicroUsd }: ModelComparison): string {
  const pair = `${cheaper} in place of ${dearer}`;
  if (verdict === 'would_do')
    return `${pair}: would have done, for ${formatCost(savedMicroUsd)} less.`;
  if (verdict === 'worse') return `${pair}: does less well, as far as seen.`;
  const lacking = [
    ...(more && more.cheaper > 0 ? [`${countOf(more.cheaper, 'step')} of ${cheaper}`] : []),
    ...(more && more.dearer > 0 ? [`${countOf(more.dearer, 'step')} of ${dearer}`] : []),
  ];
  return `${pair}: not enough seen; it takes ${lacking.join(' and ')} more, if they go as those so far.`;
}

function percent(share: number): string {
  return String(Math.round(share * 100));
}
