import type { EngineError } from '../../base/errors.ts';
import type { Broker, CallWish, Grant } from '../limits/broker.ts';
import type { Budgets } from '../limits/budgets.ts';
import { simulatedScope } from '../limits/daily-limit.ts';
import { periodOf, purseName } from '../limits/purse.ts';
import { stepLimits } from '../loop/step-limits.ts';
import { overBudget } from '../loop/turns.ts';
import type { Run } from '../run/run.ts';
import { sharedScopes, stepScope } from '../run/run-purses.ts';
import type { Visit } from './visit.ts';

/** What a plan's calls are paid from. */
export interface PurseParts {
  /** Without gates: a plan waits for nothing but money. */
  readonly broker: Broker;
  /** What each shared purse has left today, micro-USD; a scope that is not there is unlimited. */
  readonly free: ReadonlyMap<string, number>;
  readonly now: number;
}

/** Pays the calls of a plan as the run's would be paid, out of copies of today's purses: whoever would be denied is denied. */
export class Purses {
  readonly #run: Run;
  readonly #broker: Broker;
  readonly #period: string;

  constructor(run: Run, { broker, free, now }: PurseParts) {
    this.#run = run;
    this.#broker = broker;
    this.#period = periodOf(now);
    for (const [scope, microUsd] of free)
      broker.budget.open(this.#shared(simulatedScope(scope)), microUsd);
    broker.budget.open(`run:${run.facts.id}`, run.graph.budgetMicroUsd ?? Number.MAX_SAFE_INTEGER);
  }

  /** Permission for a call; null: once another call has ended; or why there is none. */
  ask(visit: Visit, bytes: number): Grant | EngineError | null {
    const wish = this.#wishOf(visit, bytes);
    const refusal = this.#broker.refusal(wish);
    if (!refusal) return this.#broker.grant(wish);
    if (!refusal.never) return null;
    visit.deniedBy ??= refusal.scope;
    return overBudget(visit, refusal.scope);
  }

  /** Opens the purse of a step. */
  open({ step, registered }: Visit): void {
    const { costMicroUsd } = stepLimits(step.place, registered.agent);
    this.#broker.budget.open(stepScope(this.#run, step), costMicroUsd);
  }

  /** Ends a call; returns its price. */
  settle(grant: Grant, end: Parameters<Broker['settle']>[1]): number {
    return this.#broker.settle(grant, end).costMicroUsd;
  }

  #wishOf({ step, registered }: Visit, bytes: number): CallWish {
    const { agent, module } = registered;
    const { id, tenantId, attended } = this.#run.facts;
    const period = this.#period;
    const shared = sharedScopes(this.#run, module).map((scope) => this.#shared(scope));
    const scopes = [...shared, `run:${id}`, stepScope(this.#run, step)];
    const profile = agent.model ?? 'standard';
    return {
      profile,
      bytes,
      scopes,
      period,
      tenantId,
      module,
      simulated: true,
      unattended: !attended,
    };
  }

  #shared(scope: string): string {
    return purseName({ tenantId: this.#run.facts.tenantId, scope, period: this.#period });
  }
}

/** What each shared purse of a tenant has left today. */
export async function freeToday(
  budgets: Pick<Budgets, 'list'>,
  tenantId: number,
): Promise<ReadonlyMap<string, number>> {
  const { items } = await budgets.list(tenantId);
  return new Map(items.map(({ scope, freeMicroUsd }) => [scope, freeMicroUsd]));
}
