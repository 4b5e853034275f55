import { stepLimits } from '../loop/step-limits.ts';
import type { Run } from '../run/run.ts';
import { pathOf } from '../run/step.ts';
import type { Forecast } from '../schedule/expected-work.ts';
import type { Learned } from './learned.ts';
import type { PlannedWork } from './tasks.ts';
import type { Visit } from './visit.ts';

/** What a run would do, cost and take. Money in micro-USD. */
export interface Plan {
  readonly agents: number;
  readonly agentsByModule: Readonly<Record<string, number>>;
  /** Model calls. */
  readonly calls: number;
  readonly tokens: { readonly input: number; readonly output: number };
  readonly costMicroUsd: {
    /** What the calls would about cost: as the same agents did before, where enough of them ran, else as they are simulated. */
    readonly expected: number;
    /** If each call cost its upper bound, as far as budgets allow it. */
    readonly worst: number;
  };
  /** From start to end under the limits of the configuration, milliseconds. */
  readonly makespanMs: number;
  /** What ready work waits for longest, and its share of all waiting. `work`: the longest chain of steps is what counts. */
  readonly bottleneck: Forecast['bottleneck'];
  /** Effects that it would have or propose, by tool. */
  readonly writes: Readonly<Record<string, number>>;
  /** Hex; the same work over the same data has the same. */
  readonly hash: string;
  readonly workflow: string;
  readonly businessDate: string;
  readonly company: string | null;
  /** Parts of `tokens.input` that cost less or more: read from and written to a provider's cache. */
  readonly cachedTokens: { readonly read: number; readonly written: number };
  readonly models: Readonly<Record<string, number>>;
  /** Calls, by model, that would go by batches, with their part of the expected cost as simulated, and what a batch is expected to take. */
  readonly batches: Readonly<Record<string, PlannedBatchSum>>;
  /** Agents whose expected cost is what they cost before. */
  readonly learned: readonly string[];
  /** What could not be walked. */
  readonly unknown: PlanUnknown;
  /** Agents that a purse would deny a call, with the purse of the first. */
  readonly denied: Readonly<Record<string, { readonly steps: number; readonly purse: string }>>;
}

/** Calls of one model that would go by batches. */
export interface PlannedBatchSum {
  readonly calls: number;
  readonly costMicroUsd: number;
  /** Of one batch, milliseconds. */
  readonly expectedMs: number;
}

/** What a plan does not know. */
export interface PlanUnknown {
  /** Steps of agents without a playbook, by agent: counted with the calls that they have made before, or that are assumed. */
  readonly agents: Readonly<Record<string, number>>;
  /** Steps whose playbook failed. */
  readonly failed: readonly {
    readonly step: string;
    readonly code: string;
    readonly message: string;
  }[];
  /** Steps that were not come to because of those. */
  readonly skipped: number;
}

/** What a plan is added up from. */
export interface PlanParts {
  readonly run: Run;
  readonly work: readonly PlannedWork[];
  readonly forecast: Forecast;
  readonly learned: Learned;
  readonly modelOf: (visit: Visit) => string;
  /** What each shared purse has left today. */
  readonly free: ReadonlyMap<string, number>;
  readonly hash: string;
}

/** Adds a plan up. */
export function addUp(parts: PlanParts): Plan {
  const { run, work, forecast, hash } = parts;
  const { workflow, businessDate, company } = run.facts;
  const calls = work.flatMap((each) => each.calls);
  const sum = (of: (call: (typeof calls)[number]) => number): number =>
    calls.reduce((total, call) => total + of(call), 0);
  const agents = work.filter(({ visit }) => !visit.registered.isTool);
  const { costMicroUsd, learned } = costsOf(parts);
  return {
    agents: agents.length,
    agentsByModule: countBy(agents.map(({ visit }) => visit.registered.module)),
    calls: calls.length,
    tokens: { input: sum(({ usage }) => usage.input), output: sum(({ usage }) => usage.output) },
    costMicroUsd,
    makespanMs: Math.round(forecast.makespanMs),
    bottleneck: forecast.bottleneck,
    writes: writesOf(work),
    hash,
    workflow,
    businessDate,
    company,
    cachedTokens: {
      read: sum(({ usage }) => usage.cachedInput),
      written: sum(({ usage }) => usage.cacheWrite),
    },
    models: countBy(calls.map(({ model }) => model)),
    batches: batchesOf(work),
    learned,
    unknown: unknownOf(run, work),
    denied: deniedOf(work),
  };
}

function batchesOf(work: readonly PlannedWork[]): Plan['batches'] {
  const sums: Record<string, PlannedBatchSum> = {};
  for (const { batches } of work) {
    if (!batches) continue;
    const { model, calls, costMicroUsd, expectedMs } = batches;
    const sum = sums[model] ?? { calls: 0, costMicroUsd: 0 };
    sums[model] = {
      calls: sum.calls + calls,
      costMicroUsd: sum.costMicroUsd + costMicroUsd,
      expectedMs,
    };
  }
  return sums;
}

function costsOf({
  run,
  work,
  learned,
  modelOf,
  free,
}: PlanParts): Pick<Plan, 'costMicroUsd' | 'learned'> {
  const names = new Set<string>();
  const steps = work.map(({ visit, calls, batches }) => {
    const { name, module, agent, delegates } = visit.registered;
    const known =
      calls.length > 0 ? learned.costOf(name, modelOf(visit), batches !== undefined) : null;
    if (known !== null) names.add(name);
    const simulated = calls.reduce((total, call) => total + call.costMicroUsd, 0);
    const bounds = calls.reduce((total, call) => total + call.boundMicroUsd, 0);
    const expected = known ?? simulated;
    const { costMicroUsd } = stepLimits(visit.step.place, agent);
    // What its model hands to others is paid from what it may spend itself, and in no playbook.
    const own = delegates && calls.length > 0 ? costMicroUsd : Math.min(bounds, costMicroUsd);
    return { module, expected, worst: Math.max(expected, own) };
  });
  const budget = run.graph.budgetMicroUsd ?? Number.POSITIVE_INFINITY;
  const allowed = (of: 'expected' | 'worst'): number => {
    const byModule = [...Map.groupBy(steps, ({ module }) => module)].map(([module, own]) =>
      Math.min(
        own.reduce((total, step) => total + step[of], 0),
        free.get(`module:${module}`) ?? Number.POSITIVE_INFINITY,
      ),
    );
    return Math.min(
      byModule.reduce((total, each) => total + each, 0),
      budget,
      free.get('tenant') ?? Number.POSITIVE_INFINITY,
      free.get(`workflow:${run.facts.workflow}`) ?? Number.POSITIVE_INFINITY,
    );
  };
  return {
    costMicroUsd: { expected: allowed('expected'), worst: allowed('worst') },
    learned: [...names].sort(),
  };
}

/** Two steps that want the same are one effect. */
function writesOf(work: readonly PlannedWork[]): Readonly<Record<string, number>> {
  const keys = new Set(work.flatMap(({ visit }) => [...visit.writes]));
  return countBy([...keys].map((each) => each.slice(0, each.indexOf(' '))));
}

function unknownOf(run: Run, work: readonly PlannedWork[]): PlanUnknown {
  const broken = work.filter(({ visit }) => visit.error !== null);
  const without = broken.filter(({ visit }) => !visit.registered.agent.procedure);
  const failed = broken.filter(({ visit }) => visit.registered.agent.procedure);
  return {
    agents: countBy(without.map(({ visit }) => visit.registered.name)),
    failed: failed.map(({ visit: { step, error } }) => ({
      step: pathOf(step),
      code: error?.code ?? '',
      message: error?.message ?? '',
    })),
    skipped: skippedBehind(run),
  };
}

/** Steps that were skipped behind one that failed; those behind a closed gate would be skipped in any run. */
function skippedBehind(run: Run): number {
  const lost = new Set(run.steps.filter(({ status }) => status === 'failed'));
  for (const step of lost) {
    const siblings = step.item?.steps ?? run.steps;
    for (const index of step.place.dependents) {
      const dependent = siblings[index];
      if (dependent?.status === 'skipped') lost.add(dependent);
    }
  }
  return [...lost].filter(({ status }) => status === 'skipped').length;
}

function deniedOf(work: readonly PlannedWork[]): Plan['denied'] {
  const denied: Record<string, { steps: number; purse: string }> = {};
  for (const { visit } of work) {
    if (visit.deniedBy === null) continue;
    const { name } = visit.registered;
    const row = denied[name] ?? { steps: 0, purse: purseWord(visit.deniedBy) };
    denied[name] = { ...row, steps: row.steps + 1 };
  }
  return denied;
}

/** `step`, `run`, or the scope of a shared purse. */
function purseWord(purse: string): string {
  const [, shared] = /^\S+ \d+ (?:simulated )?(.*)$/.exec(purse) ?? [];
  return shared ?? (purse.split(':')[0] as string);
}

/** How often each occurs, by name. */
function countBy(names: readonly string[]): Readonly<Record<string, number>> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
}
