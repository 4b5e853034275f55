import { simulatedScope } from '../limits/daily-limit.ts';
import { purseName } from '../limits/purse.ts';
import type { Run } from './run.ts';
import type { Step } from './step.ts';

/** Names of the purses that all calls of a module in a run are paid from. Each call looks at them several times, so they are made once. */
export class RunPurses {
  readonly #known = new WeakMap<Run, Map<string, readonly string[]>>();

  /** Those of a day, widest first: tenant, module, workflow, run. */
  of(run: Run, module: string, period: string): readonly string[] {
    const { id, tenantId } = run.facts;
    const known = this.#known.get(run) ?? new Map<string, readonly string[]>();
    const found = known.get(module);
    if (found?.[0]?.startsWith(period)) return found;
    const shared = sharedScopes(run, module).map((scope) => purseName({ tenantId, scope, period }));
    const purses = [...shared, `run:${id}`];
    this.#known.set(run, known.set(module, purses));
    return purses;
  }
}

/** The shared purses that pay for what a module does in a run, widest first. */
export function sharedScopes({ facts }: Run, module: string): readonly string[] {
  const { workflow } = facts.delegated ?? facts;
  const scopes = ['tenant', `module:${module}`, `workflow:${workflow}`];
  return facts.rehearsal ? scopes.map(simulatedScope) : scopes;
}

/** The purse of one step. */
export function stepScope(run: Run, step: Step): string {
  return `step:${run.facts.id}:${step.id}`;
}
