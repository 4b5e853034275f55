import type { Change } from '../../../core/engine/run/rows.ts';
import { modelName } from './agents.ts';
import type { SimEngine } from './engine.ts';
import type { Accuse, Seen } from './seen.ts';

const minuteMs = 60_000;
/** More than any call of this world is reserved with. */
const mostTokens = 4_000;

/** I4 and I5: what is spent and reserved, what a provider sees, and that permits and money come back. */
export class Money {
  readonly #world: Seen;
  readonly #accuse: Accuse;
  /** Every call that was permitted, made or not. */
  readonly #grants: { readonly boot: string; readonly model: string; readonly at: number }[] = [];

  constructor(world: Seen, accuse: Accuse) {
    this.#world = world;
    this.#accuse = accuse;
  }

  changed({ boot }: SimEngine, { budgets = [], turns = [] }: Change): void {
    const at = this.#world.clock.now();
    for (const { model } of turns) this.#grants.push({ boot, model, at });
    for (const { reserve, release, settle } of budgets)
      if (reserve < 0 || release < 0 || settle < 0 || (release > 0 && settle > release))
        this.#accuse('I4', `a call settles ${settle} of ${release} reserved`);
  }

  /** Whether nobody uses a model or waits for it, and nobody has for a minute. */
  isIdle({ boot, threads }: SimEngine, model: string): boolean {
    const since = this.#world.clock.now() - minuteMs - 1_000;
    const isUsed = [...threads.values()].some(
      ({ job, phase }) => modelName(job.agent) === model && /asking|permitted|calling/.test(phase),
    );
    const own = this.#grants.filter((grant) => grant.boot === boot && grant.model === model);
    return !isUsed && own.every(({ at }) => at < since);
  }

  look(): void {
    this.#checkPurses();
    this.#checkRuns();
    this.#checkProvider();
    this.#checkPermits();
  }

  atTheEnd(): void {
    for (const [name, { reserved }] of this.#world.database.purses)
      if (reserved !== 0) this.#accuse('I4', `all has ended, and ${name} holds ${reserved} back`);
    for (const { id, ledger, steps } of this.#world.database.runs.values()) {
      for (const { seq, state } of ledger.values())
        if (state === 'reserved') this.#accuse('I4', `call ${seq} of ${id} was never settled`);
      for (const [step, { cost_micro_usd: cost }] of steps) {
        const calls = [...ledger.values()].filter((line) => line.step === step);
        const sum = calls.reduce((total, line) => total + line.cost, 0);
        if (sum !== cost) this.#accuse('I4', `step ${step} cost ${cost}, its calls ${sum}`);
      }
    }
    this.#checkAllIsBack();
  }

  #checkPurses(): void {
    const { database } = this.#world;
    const lines = [...database.runs.values()].flatMap(({ ledger }) => [...ledger.values()]);
    const reserved = sum(
      lines.filter(({ state }) => state === 'reserved').map((line) => line.reserved),
    );
    const settled = sum(lines.map(({ cost }) => cost));
    const tenant = [...database.purses].filter(([name]) => name.includes(' tenant '));
    const held = sum(tenant.map(([, purse]) => purse.reserved));
    const spent = sum(tenant.map(([, purse]) => purse.settled));
    if (held !== reserved) this.#accuse('I4', `${held} is reserved, the calls say ${reserved}`);
    if (spent - this.#world.rivalSpent !== settled)
      this.#accuse('I4', `${spent} is settled, the calls say ${settled}`);
    for (const [name, purse] of database.purses) {
      if (purse.reserved + purse.settled > purse.limit)
        this.#accuse('I4', `${name}: ${purse.settled} + ${purse.reserved} of ${purse.limit}`);
      if (purse.reserved < 0) this.#accuse('I4', `${name} has ${purse.reserved} reserved`);
    }
  }

  #checkRuns(): void {
    for (const [index, { data }] of this.#world.setup.runs.entries()) {
      if (data.budgetMicroUsd === null) continue;
      const run = this.#world.database.run(`01990000-0000-7000-8000-00000000000${index}`);
      const used = sum(
        [...run.ledger.values()].map(({ state, reserved, cost }) =>
          state === 'reserved' ? reserved : cost,
        ),
      );
      if (used > data.budgetMicroUsd)
        this.#accuse('I4', `run ${index} has used ${used} of ${data.budgetMicroUsd}`);
    }
  }

  /** What one engine grants in a minute, counted where the provider sees it: by the moment of the grant, and by what it used. */
  #checkProvider(): void {
    const now = this.#world.clock.now();
    const { modelLimits } = this.#world.setup;
    if (!modelLimits) return;
    const recent = this.#world.outside.calls.filter(
      ({ grantedAt }) => grantedAt > now - 2 * minuteMs,
    );
    for (const calls of Map.groupBy(recent, ({ boot, model }) => `${boot} ${model}`).values()) {
      const limit = modelLimits[calls[0]?.model ?? ''] ?? {};
      const open = calls.filter((call) => call.open).length;
      if (open > (limit.concurrency ?? Number.POSITIVE_INFINITY))
        this.#accuse('I5', `${open} calls at once, ${limit.concurrency} may`);
      const last = calls.at(-1)?.grantedAt ?? 0;
      const window = calls.filter(
        ({ grantedAt }) => grantedAt > last - minuteMs && grantedAt <= last,
      );
      const tokens = sum(window.map(({ usage }) => usage.input + usage.output));
      if (window.length > (limit.requestsPerMinute ?? Number.POSITIVE_INFINITY))
        this.#accuse('I5', `${window.length} calls in a minute, ${limit.requestsPerMinute} may`);
      if (window.length > 1 && tokens > (limit.tokensPerMinute ?? Number.POSITIVE_INFINITY))
        this.#accuse('I5', `${tokens} tokens in a minute, ${limit.tokensPerMinute} may`);
    }
  }

  /** I6 for calls: who waits for one is kept back by a limit, or a timer is set that looks again. */
  #checkPermits(): void {
    const { engine, setup, clock } = this.#world;
    if (!setup.modelLimits || !engine.isAlive || engine.connection.isAsked) return;
    if (engine.journal.isAway || setup.dailyBudgetMicroUsd !== undefined) return;
    const now = clock.now();
    for (const thread of engine.threads.values()) {
      if (thread.phase !== 'asking' || thread.cancelled) continue;
      const model = modelName(thread.job.agent);
      const limit = setup.modelLimits[model] ?? {};
      const calls = this.#world.outside.calls.filter(
        (call) => call.boot === engine.boot && call.model === model,
      );
      if (calls.some((call) => call.open)) continue;
      const recent = this.#grants.filter(
        ({ boot, model: of, at }) =>
          boot === engine.boot && of === model && at > now - minuteMs - 1_000,
      );
      const used = sum(recent.map(() => mostTokens));
      const isBusy =
        recent.length >= (limit.requestsPerMinute ?? Number.POSITIVE_INFINITY) ||
        used + mostTokens > (limit.tokensPerMinute ?? Number.POSITIVE_INFINITY);
      if (!isBusy && !this.#othersWait(engine, model, thread.job.ref))
        this.#accuse('I6', `${thread.job.stepPath} waits for a call that nothing keeps from it`);
    }
  }

  // A call that was granted and not yet made, or one that stands before it.
  #othersWait(engine: SimEngine, model: string, ref: number): boolean {
    return [...engine.threads.values()].some(
      ({ job, phase }) =>
        job.ref !== ref &&
        modelName(job.agent) === model &&
        (phase === 'permitted' || phase === 'asking'),
    );
  }

  #checkAllIsBack(): void {
    const { engine, setup, database } = this.#world;
    if (engine.loop.runs.size > 0 || this.#world.rivalSpent > 0) return;
    for (const index of setup.runs.keys())
      if (engine.broker.budget.left(`run:01990000-0000-7000-8000-00000000000${index}`) !== null)
        this.#accuse('I10', `run ${index} has ended, and its purse is open`);
    for (const profile of ['fast', 'standard'] as const)
      if (
        engine.broker.hasModels &&
        engine.broker.waitMs({ profile, bytes: 1, scopes: [], period: '' }) === null
      )
        this.#accuse('I10', `all has ended, and calls of '${profile}' are still counted as open`);
    for (const [name, purse] of database.purses) {
      const [tenant, scope, period] = name.split(' ');
      const left = engine.broker.budget.left(`${period} ${tenant} ${scope}`);
      // What other engines spend, this one learns from the flush.
      if (left !== null && left < purse.limit - purse.settled && engine.boot.endsWith('1'))
        this.#accuse(
          'I4',
          `${name} has ${left} left in memory, ${purse.limit - purse.settled} stored`,
        );
    }
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
