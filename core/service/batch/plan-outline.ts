import type { Plan } from '../../engine/plan/plan.ts';
import {
  countOf,
  formatCost,
  formatCount,
  formatDuration,
  moduleName,
  toolPhrase,
} from './format.ts';

/** A part of a plan as people read it: a table, then sentences. */
export interface PlanPart {
  readonly title: string;
  /** Cells; all but the first are numbers. */
  readonly rows: readonly (readonly string[])[];
  readonly lines: readonly string[];
}

const shown = 5;

/** What a person wants to know before a run: who works, what it costs, how long it takes and why, what it would write. */
export function outline(plan: Plan): readonly PlanPart[] {
  return [agents(plan), calls(plan), time(plan), writes(plan), ...doubts(plan)];
}

function agents({ agents: count, agentsByModule }: Plan): PlanPart {
  return {
    title: `Agents: ${formatCount(count)}`,
    rows: Object.entries(agentsByModule).map(([module, of]) => [
      moduleName(module),
      formatCount(of),
    ]),
    lines: [],
  };
}

function calls({
  calls: count,
  tokens,
  cachedTokens,
  models,
  costMicroUsd,
  learned,
  batches,
}: Plan): PlanPart {
  const { expected, worst } = costMicroUsd;
  const basis =
    learned.length === 0
      ? 'by simulated calls at list prices'
      : `by what ${countOf(learned.length, 'agent')} cost before, simulated for the rest`;
  return {
    title: `Model calls: ${formatCount(count)}`,
    rows: Object.entries(models).map(([model, of]) => [model, formatCount(of)]),
    lines: [
      `${formatCount(tokens.input)} tokens in (${formatCount(cachedTokens.read)} from the cache), ${formatCount(tokens.output)} out`,
      ...Object.entries(batches).map(
        ([model, of]) =>
          `${countOf(of.calls, 'call')} of ${model} by batches, for ${formatCost(of.costMicroUsd)}; a batch takes about ${formatDuration(of.expectedMs)}`,
      ),
      `${formatCost(expected)} expected, ${basis}; ${formatCost(worst)} if every call cost its most`,
    ],
  };
}

function time({ makespanMs, bottleneck: { kind, name, share } }: Plan): PlanPart {
  const why =
    kind === 'work'
      ? 'no limit counts: it is the longest chain of steps'
      : `held back by ${limitPhrase(kind, name)}, ${Math.round(share * 100)} % of all waiting`;
  return { title: `Time: ${formatDuration(makespanMs)}`, rows: [], lines: [why] };
}

const limitWords: Readonly<Record<string, string>> = {
  running: 'the running steps of this engine',
  run: 'the running steps of the run',
  module: 'the running steps of the module',
  model_concurrency: 'calls at once',
  headroom: 'what is left beside the head-room',
  model_requests: 'requests a minute',
  model_tokens: 'tokens a minute',
  burst: 'requests a second',
  hour: 'requests an hour',
  day: 'requests a day',
};

function limitPhrase(kind: string, name: string): string {
  const words = limitWords[kind] ?? kind;
  if (kind === 'running' || kind === 'run') return words;
  return kind === 'module' ? `${words} ${name}` : `${words} of ${name.replace(':', ' ')}`;
}

function writes({ writes: byTool }: Plan): PlanPart {
  const tools = Object.entries(byTool).sort(([, a], [, b]) => b - a);
  const total = tools.reduce((sum, [, count]) => sum + count, 0);
  return {
    title: `Writes or proposals: ${formatCount(total)}`,
    rows: tools.map(([tool, count]) => [toolPhrase(tool), formatCount(count)]),
    lines: [],
  };
}

/** What the plan does not know, and who would not be paid. */
function doubts({ unknown, denied }: Plan): readonly PlanPart[] {
  const { agents: without, failed, skipped } = unknown;
  const lines = [
    ...Object.entries(without).map(
      ([agent, steps]) => `${agent} has no playbook: ${countOf(steps, 'step')} with assumed calls`,
    ),
    ...failed.slice(0, shown).map(({ step, code, message }) => `${step}: ${code}: ${message}`),
    ...(failed.length > shown
      ? [`and ${formatCount(failed.length - shown)} more that failed`]
      : []),
    ...(skipped > 0 ? [`${countOf(skipped, 'step')} behind these could not be come to`] : []),
    ...Object.entries(denied).map(
      ([agent, { steps, purse }]) =>
        `${agent}: calls of ${countOf(steps, 'step')} would be denied by the budget of the ${purse.replace(':', ' ')}`,
    ),
  ];
  return lines.length === 0 ? [] : [{ title: 'Not known or not paid', rows: [], lines }];
}
