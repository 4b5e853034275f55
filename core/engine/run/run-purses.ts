import { doersIn } from '../../sdk/node.ts';
import { simulatedScope } from '../limits/daily-limit.ts';
import { noDay, purseName } from '../limits/purse.ts';
import type { RunPurseLimits } from './request.ts';
import type { Run } from './run.ts';
import type { Step } from './step.ts';

/** Names of the purses that all calls of a module in a run are paid from. Each call looks at them several times, so they are made once. */
export class RunPurses {
  readonly #known = new WeakMap<Run, Map<string, readonly string[]>>();

  /** Those of a day, widest first: tenant, module, workflow; then those of the runs above it, and its own. */
  of(run: Run, module: string, period: string): readonly string[] {
    const known = this.#known.get(run) ?? new Map<string, readonly string[]>();
    const found = known.get(module);
    if (found?.[0]?.startsWith(period)) return found;
    const purses = pursesOf(run, module, period);
    this.#known.set(run, known.set(module, purses));
    return purses;
  }
}

/** Names of all purses that pay for what a module does in a run, widest first. */
export function pursesOf(run: Run, module: string, period: string): readonly string[] {
  const { id, tenantId } = run.facts;
  const shared = sharedScopes(run, module).map((scope) => purseName({ tenantId, scope, period }));
  return [...shared, ...familyPurses(run).map(({ name }) => name), `run:${id}`];
}

/** The daily purses that pay for what a module does in a run, widest first. */
export function sharedScopes({ facts }: Run, module: string): readonly string[] {
  const { workflow } = facts.delegated ?? facts;
  const scopes = ['tenant', `module:${module}`, `workflow:${workflow}`];
  return facts.rehearsal ? scopes.map(simulatedScope) : scopes;
}

/** A purse that a run pays from together with runs that others may own: of a run above it, or its own. */
interface FamilyPurse {
  readonly name: string;
  readonly scope: string;
  readonly limitMicroUsd: number;
}

/** The purses that a run pays from together with those above, beside and below it; the outermost first. */
export function familyPurses(run: Run): readonly FamilyPurse[] {
  const { tenantId, rehearsal } = run.facts;
  return Object.entries(pursesBelow(run) ?? {}).map(([id, limitMicroUsd]) => {
    const scope = familyScope(id, rehearsal);
    return { name: purseName({ tenantId, scope, period: noDay }), scope, limitMicroUsd };
  });
}

/** The scope of the purse of a run and of what it starts. */
function familyScope(runId: string, rehearsal: boolean): string {
  const scope = `run:${runId}`;
  return rehearsal ? simulatedScope(scope) : scope;
}

/** What the runs that a run starts pay from, beside their own: several at once together have no more than it. Undefined: no limit is above them. */
export function pursesBelow({ facts, graph }: Run): RunPurseLimits | undefined {
  const { id, purses, leftMicroUsd = Number.POSITIVE_INFINITY } = facts;
  if (graph.budgetMicroUsd === null || !startsRuns(graph)) return purses;
  return { ...purses, [id]: Math.min(graph.budgetMicroUsd, leftMicroUsd) };
}

function startsRuns({ nodes }: Run['graph']): boolean {
  return doersIn(nodes).some(({ kind }) => kind === 'workflow');
}

/** The purse of one step. */
export function stepScope(run: Run, step: Step): string {
  return `step:${run.facts.id}:${step.id}`;
}
