import { Decimal } from '../../base/money.ts';
import type { History } from '../../engine/history/history.ts';
import type {
  EntryView,
  FindingView,
  ProposalView,
  RunHead,
  RunSummary,
  StepView,
} from '../../engine/history/views.ts';
import { pathOf } from '../../engine/run/step.ts';
import { moduleOf } from '../../sdk/qualified-name.ts';
import { severityRank } from '../../sdk/severity.ts';

/** One agent's step with its times, in ms since the epoch. */
export interface AgentStep {
  readonly id: number;
  readonly path: string;
  readonly module: string;
  readonly agent: string;
  readonly status: string;
  readonly attempt: number;
  readonly startedAtMs: number | null;
  readonly endedAtMs: number | null;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly costMicroUsd: number;
  readonly degraded: boolean;
}

/** A node that no agent does and that has failed by itself: a question that was refused, a wait that took too long, an expression. */
export interface FailedNode {
  readonly path: string;
  readonly kind: string;
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** What the agents of a run did with one tool. */
export interface ToolUse {
  readonly tool: string;
  readonly effect: string;
  readonly calls: number;
  readonly records: number;
  /** Calls by outcome: result, proposed, applied, replayed, refused, error. */
  readonly outcomes: ReadonlyMap<string, number>;
}

/** What one agent's model calls used. */
export interface AgentSpend {
  readonly module: string;
  readonly agent: string;
  readonly steps: number;
  readonly turns: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly costMicroUsd: number;
}

/** Everything that the journal says about one run, gathered for a reader. */
export interface RunRecord {
  /** Name of the group of companies. */
  readonly group: string;
  readonly head: RunHead;
  readonly summary: RunSummary;
  readonly steps: readonly AgentStep[];
  readonly failedNodes: readonly FailedNode[];
  /** Why it was ended before its time: somebody asked for it, or its deadline had passed; null: it was not. */
  readonly cancelled: 'asked' | 'deadline' | null;
  readonly findings: readonly FindingView[];
  /** Those that nobody has decided. */
  readonly proposals: readonly ProposalView[];
  /** Those that were. */
  readonly decided: readonly ProposalView[];
  readonly tools: readonly ToolUse[];
  readonly spend: readonly AgentSpend[];
  /** Failed attempts that were tried again. */
  readonly retries: number;
  /** Who was told of a failure, who took over, what was left out or cancelled, and what has ended the run, in order. */
  readonly recoveries: readonly RecoveryLine[];
  /** Budgets that passed their warning mark while it ran, in order. */
  readonly warnings: readonly BudgetLine[];
}

/** A budget that came near to its limit. */
export interface BudgetLine {
  /** `tenant`, `module:finance` or `workflow:nightly`. */
  readonly scope: string;
  readonly limitMicroUsd: number;
  /** Settled and reserved, of the limit. */
  readonly share: number;
}

/** What a recovery rule, or somebody who cancelled it, did for one step. */
export interface RecoveryLine {
  /** `match` or `match/check[V-17]` */
  readonly path: string;
  readonly what:
    | 'told'
    | 'taken over by'
    | 'left out'
    | 'ended the whole run'
    | 'cancelled'
    | 'cancelled with all that waited for it';
  /** Who was told, or took over. */
  readonly who: string | null;
  readonly code: string | null;
}

/** Reads a run's record. @throws RUN_UNKNOWN */
export async function readRecord(
  history: History,
  run: { readonly tenantId: number; readonly runId: string; readonly group: string },
): Promise<RunRecord> {
  const { tenantId, runId, group } = run;
  const summary = await history.summary(tenantId, runId);
  const [head, steps, findings, proposals] = await Promise.all([
    history.head(tenantId, runId),
    history.steps(tenantId, runId),
    history.findings(tenantId, { runId }),
    history.proposals(tenantId, { runId, all: true }),
  ]);
  const agents = steps.filter((step) => step.agent !== null).map(agentStep);
  const entries = await readEntries(history, tenantId, runId);
  return {
    group,
    head,
    summary,
    steps: agents,
    failedNodes: failedNodes(steps),
    cancelled: cancelledBy(entries),
    findings: [...findings].sort(byWeight),
    proposals: proposals.filter(({ state }) => state === 'proposed'),
    decided: proposals.filter(({ state }) => state !== 'proposed'),
    tools: countTools(entries),
    spend: countSpend(entries, agents),
    retries: entries.filter((entry) => entry.kind === 'step.retrying').length,
    recoveries: recoveryLines(entries, steps),
    warnings: entries.filter(({ kind }) => kind === 'budget.warned').map(budgetLine),
  };
}

function budgetLine({ data }: EntryView): BudgetLine {
  const { scope, limitMicroUsd, share } = data;
  return {
    scope: String(scope),
    limitMicroUsd: Number(limitMicroUsd),
    share: Number(share),
  };
}

/** A foreach that has failed by its items is told by them. */
function failedNodes(steps: readonly StepView[]): readonly FailedNode[] {
  const failed = steps.filter(({ status }) => status === 'failed');
  const told = new Set(failed.flatMap((each) => (each.itemKey === '' ? [] : foreachOf(each))));
  return failed
    .filter(({ agent, itemKey, node }) => agent === null && (itemKey !== '' || !told.has(node)))
    .map((step) => ({ path: pathOf(step), kind: step.kind, error: step.error }));
}

function foreachOf({ node }: StepView): string {
  return node.split('/')[0] ?? node;
}

function cancelledBy(entries: readonly EntryView[]): RunRecord['cancelled'] {
  const { data } = entries.find(({ kind }) => kind === 'run.cancelling') ?? {};
  if (!data) return null;
  return data.reason === 'deadline' ? 'deadline' : 'asked';
}

function recoveryLines(
  entries: readonly EntryView[],
  steps: readonly StepView[],
): readonly RecoveryLine[] {
  const byId = new Map(steps.map((step) => [step.id, step]));
  return entries.flatMap((entry) => recoveryLine(entry, byId.get(entry.step ?? -1)) ?? []);
}

function recoveryLine({ kind, data }: EntryView, step: StepView | undefined): RecoveryLine | null {
  const path = step ? pathOf(step) : '';
  switch (kind) {
    case 'step.escalated':
      return { path, what: 'told', who: String(data.to), code: String(data.code) };
    case 'step.reassigned':
      return { path, what: 'taken over by', who: String(data.to), code: null };
    case 'step.skipped': {
      const { code } = (data.error ?? {}) as { readonly code?: string };
      return { path, what: 'left out', who: null, code: code ?? null };
    }
    case 'run.aborted':
      return { path, what: 'ended the whole run', who: null, code: String(data.code) };
    case 'step.cancelling': {
      if (data.late === true) return null;
      const isAlone = data.subtree !== true;
      // It was about to end, and did so.
      if (isAlone && step?.status !== 'cancelled') return null;
      const what = isAlone ? 'cancelled' : 'cancelled with all that waited for it';
      return { path, what, who: null, code: null };
    }
    default:
      return null;
  }
}

/** A run's entries that a record counts, read in portions. */
async function readEntries(
  history: History,
  tenantId: number,
  runId: string,
): Promise<readonly EntryView[]> {
  const all: EntryView[] = [];
  for (let after = 0; ; ) {
    const some = await history.entries(tenantId, runId, after);
    const last = some.at(-1);
    if (!last) return all;
    all.push(...some);
    after = last.seq;
  }
}

function agentStep(step: StepView): AgentStep {
  const agent = step.agent ?? '';
  return {
    id: step.id,
    path: pathOf(step),
    module: moduleOf(agent),
    agent,
    status: step.status,
    attempt: step.attempt,
    startedAtMs: timeOf(step.startedAt),
    endedAtMs: timeOf(step.endedAt),
    error: step.error,
    costMicroUsd: step.costMicroUsd,
    degraded: step.degraded,
  };
}

function timeOf(time: Date | string | null): number | null {
  return time === null ? null : new Date(time).getTime();
}

/** Worst first, then the largest amount of money, then in the order they were found. */
function byWeight(a: FindingView, b: FindingView): number {
  const rank = severityRank(a) - severityRank(b);
  return rank || Decimal.compare(Decimal.abs(b.amount ?? '0'), Decimal.abs(a.amount ?? '0'));
}

function countTools(entries: readonly EntryView[]): readonly ToolUse[] {
  const uses = new Map<
    string,
    { effect: string; calls: number; records: number; outcomes: Map<string, number> }
  >();
  for (const { kind, data } of entries) {
    if (kind !== 'tool.called') continue;
    const tool = String(data.tool);
    const use = uses.get(tool) ?? {
      effect: String(data.effect),
      calls: 0,
      records: 0,
      outcomes: new Map(),
    };
    uses.set(tool, use);
    use.calls += 1;
    use.records += Number(data.records ?? 0);
    const outcome = String(data.outcome);
    use.outcomes.set(outcome, (use.outcomes.get(outcome) ?? 0) + 1);
  }
  return [...uses]
    .map(([tool, use]) => ({ tool, ...use }))
    .sort((a, b) => (a.tool < b.tool ? -1 : 1));
}

function countSpend(
  entries: readonly EntryView[],
  steps: readonly AgentStep[],
): readonly AgentSpend[] {
  const agentOf = new Map(steps.map((step) => [step.id, step.agent]));
  const spends = new Map<string, { -readonly [K in keyof AgentSpend]: AgentSpend[K] }>();
  for (const { agent, module, attempt } of steps) {
    const spend = spends.get(agent) ?? {
      module,
      agent,
      steps: 0,
      turns: 0,
      inputTokens: 0,
      outputTokens: 0,
      costMicroUsd: 0,
    };
    spends.set(agent, spend);
    if (attempt > 0) spend.steps += 1;
  }
  for (const { kind, step, data } of entries) {
    const spend = kind === 'turn.ended' ? spends.get(agentOf.get(step ?? -1) ?? '') : undefined;
    if (!spend) continue;
    const tokens = (data.tokens ?? {}) as { readonly input?: number; readonly output?: number };
    spend.turns += 1;
    spend.inputTokens += tokens.input ?? 0;
    spend.outputTokens += tokens.output ?? 0;
    spend.costMicroUsd += Number(data.costMicroUsd ?? 0);
  }
  return [...spends.values()].sort(
    (a, b) => b.costMicroUsd - a.costMicroUsd || (a.agent < b.agent ? -1 : 1),
  );
}

/** One amount a currency, in the order of their codes. */
export interface CurrencySum {
  readonly currency: string;
  readonly amount: string;
}

/** Adds up the amounts of findings, each currency on its own: the journal knows no exchange rate. */
export function sumAmounts(
  findings: readonly Pick<FindingView, 'amount' | 'currency'>[],
): readonly CurrencySum[] {
  const sums = new Map<string, string>();
  for (const { amount, currency } of findings) {
    if (amount !== null && currency !== null)
      sums.set(currency, Decimal.plus(sums.get(currency) ?? '0', Decimal.abs(amount)));
  }
  return [...sums]
    .map(([currency, amount]) => ({ currency, amount }))
    .sort((a, b) => (a.currency < b.currency ? -1 : 1));
}

/** A run's modules in the order of their names, whether they found anything or not. */
export function modulesOf(record: RunRecord): readonly string[] {
  return [
    ...new Set([
      ...record.steps.map((step) => step.module),
      ...record.findings.map((finding) => finding.module),
    ]),
  ].sort();
}

/** The name that companies share: `Meridian Components` for its GmbH, Inc. and Ltd. */
export function groupName(names: readonly string[]): string {
  const [first = 'The company', ...others] = names;
  const words = first.split(' ');
  const shared = words.filter((_, index) =>
    others.every((name) => name.startsWith(words.slice(0, index + 1).join(' '))),
  );
  if (shared.length > 0) return shared.join(' ');
  return others.length === 0 ? first : `${first} and ${others.length} more`;
}
