import { severities } from '../../sdk/severity.ts';
import {
  budgetPhrase,
  countOf,
  formatAmount,
  formatCost,
  formatCount,
  formatDay,
  formatDuration,
  moduleName,
  toolPhrase,
} from './format.ts';
import { modulesOf, type RunRecord, sumAmounts } from './record.ts';

/** A run's outcome as a person reads it on a screen: rows are tables, whose first row is the head, lines are text. */
export type SummaryPart =
  | { readonly kind: 'title'; readonly text: string }
  | { readonly kind: 'line'; readonly text: string }
  | { readonly kind: 'rows'; readonly rows: readonly (readonly string[])[] };

const shownGravest = 5;
const shownFailures = 10;

/** What a controller wants to know in the morning, in the order in which they ask. */
export function summarise(record: RunRecord): readonly SummaryPart[] {
  const { head, summary, group } = record;
  return [
    {
      kind: 'title',
      text: `${group}, ${formatDay(head.businessDate)}: ${nameOf(record)} ${outcome(record)}`,
    },
    ...(head.goal === null ? [] : [{ kind: 'line' as const, text: `Goal: ${head.goal}` }]),
    ...(head.rehearsal ? [{ kind: 'line' as const, text: rehearsalNote }] : []),
    ...(retryNote(head) ? [{ kind: 'line' as const, text: retryNote(head) }] : []),
    ...(cancelNote(record) ? [{ kind: 'line' as const, text: cancelNote(record) }] : []),
    ...findingTables(record),
    ...gravest(record),
    ...proposals(record),
    ...failures(record),
    { kind: 'title', text: 'The run' },
    {
      kind: 'line',
      text: `${countOf(summary.agents, 'agent')}, ${countOf(summary.toolCalls, 'tool call')}, ${countOf(summary.recordsRead, 'record')} read`,
    },
    {
      kind: 'line',
      text: `${formatCost(summary.costMicroUsd)}${head.rehearsal ? ' (simulated)' : ''} for ${formatCount(summary.tokens.input)} tokens in and ${formatCount(summary.tokens.output)} out`,
    },
    ...record.warnings.map((each) => ({ kind: 'line' as const, text: budgetPhrase(each) })),
    {
      kind: 'line',
      text: `${formatDuration(summary.durationMs)}, ${agentsPerSecond(record).toFixed(1)} agents per second`,
    },
  ];
}

/** What a reader of a rehearsal has to know before any of its figures. */
export const rehearsalNote =
  'A rehearsal: model calls, their tokens and costs are simulated, and nothing was written or proposed.';

/** Which run it retries, and which one retries it; '' for most runs. */
export function retryNote({
  retryOf,
  retriedBy,
}: Pick<RunRecord['head'], 'retryOf' | 'retriedBy'>): string {
  const of = retryOf === null ? [] : [`retry of ${retryOf}`];
  return [...of, ...(retriedBy === null ? [] : [`retried by ${retriedBy}`])].join(', ');
}

/** Why a run was ended before its time; '' for one that was not. */
export function cancelNote({ head, cancelled }: Pick<RunRecord, 'head' | 'cancelled'>): string {
  if (head.status !== 'cancelled' || cancelled === null) return '';
  return cancelled === 'deadline'
    ? 'It was cancelled: its deadline had passed.'
    : 'It was cancelled: somebody asked for it.';
}

/** How many have failed, as a sentence; '' where none has. */
export function failedNote({
  steps,
  failedNodes,
}: Pick<RunRecord, 'steps' | 'failedNodes'>): string {
  const agents = steps.filter(({ status }) => status === 'failed').length;
  const all = agents + failedNodes.length;
  return all === 0 ? '' : `${countOf(all, all === agents ? 'agent' : 'step')} failed.`;
}

function nameOf({ head }: RunRecord): string {
  return head.rehearsal ? `rehearsal of ${head.workflow}` : head.workflow;
}

/** Agents that ended for each second of the run. */
function agentsPerSecond({ summary }: RunRecord): number {
  return summary.durationMs === 0 ? 0 : summary.agents / (summary.durationMs / 1_000);
}

function outcome({ summary, proposals }: RunRecord): string {
  const words: Readonly<Record<string, string>> = { partial: 'succeeded in part' };
  const open = proposals.length > 0 ? `, ${countOf(proposals.length, 'proposal')} open` : '';
  const { cancelled } = summary.steps;
  // Of a run that was cancelled itself nobody asks which of its steps were.
  const left = cancelled > 0 && summary.status !== 'cancelled' ? cancelled : 0;
  const without = left > 0 ? `, ${countOf(left, 'step')} cancelled` : '';
  return `${words[summary.status] ?? summary.status}${without}${open}`;
}

function findingTables(record: RunRecord): readonly SummaryPart[] {
  const modules = modulesOf(record);
  const of = (module: string | null) =>
    record.findings.filter((finding) => module === null || finding.module === module);
  const currencies = sumAmounts(record.findings).map((sum) => sum.currency);
  const row = (label: string, module: string | null): readonly string[] => {
    const found = of(module);
    const sums = new Map(sumAmounts(found).map((sum) => [sum.currency, formatAmount(sum.amount)]));
    return [
      label,
      ...severities.map((severity) =>
        formatCount(found.filter((finding) => finding.severity === severity).length),
      ),
      formatCount(found.length),
      ...currencies.map((currency) => sums.get(currency) ?? '–'),
    ];
  };
  return [
    { kind: 'title', text: `Findings: ${formatCount(record.findings.length)}` },
    {
      kind: 'rows',
      rows: [
        ['', ...severities, 'all', ...currencies],
        ...modules.map((module) => row(moduleName(module), module)),
        row('All', null),
      ],
    },
  ];
}

function gravest({ findings }: RunRecord): readonly SummaryPart[] {
  const grave = findings.filter(({ severity }) => severity === 'critical' || severity === 'high');
  if (grave.length === 0) return [];
  return [
    {
      kind: 'title',
      text: `Most serious (${formatCount(Math.min(shownGravest, grave.length))} of ${formatCount(grave.length)} high or critical)`,
    },
    ...grave.slice(0, shownGravest).map((finding) => ({
      kind: 'line' as const,
      text: `${finding.severity}  ${finding.company ?? 'group'}  ${finding.summary}`,
    })),
  ];
}

function proposals(record: RunRecord): readonly SummaryPart[] {
  const { rehearsal, observed } = record.summary;
  if (rehearsal)
    return [{ kind: 'title', text: `Writes it would have had: ${formatCount(observed)}` }];
  if (record.proposals.length === 0) return [];
  const byTool = [...Map.groupBy(record.proposals, (proposal) => proposal.tool)].sort(
    ([, a], [, b]) => b.length - a.length,
  );
  return [
    { kind: 'title', text: `Proposals open: ${formatCount(record.proposals.length)}` },
    {
      kind: 'line',
      text: byTool.map(([tool, of]) => `${formatCount(of.length)} ${toolPhrase(tool)}`).join(', '),
    },
  ];
}

function failures({ steps, failedNodes, ...record }: RunRecord): readonly SummaryPart[] {
  const { retries, recoveries } = record;
  const failed = [...steps.filter((step) => step.status === 'failed'), ...failedNodes];
  const degraded = steps.filter((step) => step.degraded).length;
  const lines = [
    ...failed
      .slice(0, shownFailures)
      .map((step) => `${step.path}: ${step.error?.code ?? 'failed'}: ${step.error?.message ?? ''}`),
    ...(failed.length > shownFailures
      ? [`and ${countOf(failed.length - shownFailures, 'step')} more`]
      : []),
    ...(degraded > 0
      ? [`${countOf(degraded, 'agent')} ran a playbook because the model was not to be had`]
      : []),
    ...(retries > 0
      ? [
          `${countOf(retries, 'attempt')} failed at first and ${retries === 1 ? 'was' : 'were'} tried again`,
        ]
      : []),
    ...recoveries
      .slice(0, shownFailures)
      .map(({ path, what, who, code }) =>
        [`${path}:`, what, who, code && `(${code})`].filter(Boolean).join(' '),
      ),
  ];
  const title = `Failed or degraded: ${failed.length + degraded === 0 ? 'nothing' : formatCount(failed.length + degraded)}`;
  return [
    { kind: 'title', text: title },
    ...lines.map((text) => ({ kind: 'line' as const, text })),
  ];
}
