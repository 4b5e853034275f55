import type { Change } from '../../../core/engine/journal/rows.ts';
import { isDaily } from '../../../core/engine/limits/purse.ts';
import { pathOf, type Step } from '../../../core/engine/run/step.ts';
import { agents, modelsOf } from './agents.ts';
import type { StoredRun } from './database.ts';
import type { SimEngine } from './engine.ts';
import type { Accuse, Seen } from './seen.ts';
import { actingOf, holders, isBlocked } from './slots.ts';
import type { SimThread } from './thread.ts';
import type { Calls } from './watch-calls.ts';

const minuteMs = 60_000;
/** More than any call of this world is reserved with. */
const mostTokens = 4_000;
/** More than any call of this world may cost, in micro-USD. */
const mostMicroUsd = 8_000;

/** A step that waits until somebody raises a budget. */
interface Ask {
  readonly step: Step;
  readonly attempt: number;
}

/** What the calls of a run come to. */
interface CallSums {
  /** The commit that it was worked out after. */
  readonly commit: number;
  readonly reserved: number;
  readonly settled: number;
  /** Both together, by the purse of the module that it is of. */
  readonly held: ReadonlyMap<string, number>;
}

/** I4, I5 and I17: what is spent and reserved, what a provider sees, that permits and money come back, who waits for money. */
export class Money {
  readonly #world: Seen;
  readonly #accuse: Accuse;

  readonly #calls: Calls;
  readonly #sums = new Map<string, CallSums>();
  /** By what it was checked last. */
  #written = '';

  constructor(world: Seen, accuse: Accuse, calls: Calls) {
    this.#world = world;
    this.#accuse = accuse;
    this.#calls = calls;
  }

  changed({ step, money, entries = [] }: Change): void {
    for (const { kind, data } of entries)
      if (kind === 'step.waiting' && data.wait === 'budget') this.#checkAsk(step, data.scope);
    const { reserve = 0, release = 0, settle = 0 } = money ?? {};
    if (reserve < 0 || release < 0 || settle < 0 || (release > 0 && settle > release))
      this.#accuse('I4', `a call settles ${settle} of ${release} reserved`);
  }

  /** Whether nobody uses a model or waits for it, and nobody has for a minute. */
  isIdle(engine: SimEngine, model: string): boolean {
    const isUsed = [...engine.threads.values()].some(
      (thread) => /asking|permitted|calling/.test(thread.phase) && this.#mayCall(thread, model),
    );
    if (isUsed || this.#calls.recent(engine, model) > 0) return false;
    return !this.#calls.isTroubled(engine, model);
  }

  /** The steps of an engine that wait until somebody raises a budget. */
  whoAsks({ loop }: SimEngine): readonly Ask[] {
    const steps = [...loop.runs.values()].flatMap((run) => run.steps);
    const asking = steps.filter(({ wait }) => wait === 'budget');
    return asking.map((step) => ({ step, attempt: step.attempt }));
  }

  /** Every budget was raised: whoever asked for it was woken, and may ask again. */
  raised({ isAlive }: SimEngine, asks: readonly Ask[]): void {
    if (!isAlive) return;
    for (const { step, attempt } of asks)
      if (step.wait === 'budget' && step.attempt === attempt)
        this.#accuse('I17', `${pathOf(step)} sleeps on, and the budgets were raised`);
  }

  look(): void {
    const { database, rivalSpent, rivalReserved } = this.#world;
    // What is written of money moves with these and with nothing else; limits are only raised.
    const written = [database.commits, rivalSpent, ...rivalReserved.values()].join();
    if (written !== this.#written) {
      this.#checkPurses();
      this.#checkRuns();
    }
    this.#written = written;
    this.#checkProvider();
    this.#checkPermits();
  }

  atTheEnd(): void {
    for (const [name, { reserved }] of this.#world.database.purses)
      if (reserved !== 0) this.#accuse('I4', `all has ended, and ${name} holds ${reserved} back`);
    for (const { id, ledger, steps } of this.#world.database.runs.values()) {
      for (const { seq, state } of ledger.values())
        if (state === 'reserved') this.#accuse('I4', `call ${seq} of ${id} was never settled`);
      for (const [step, { kind, cost_micro_usd: cost }] of steps) {
        const calls = [...ledger.values()].filter((line) => line.step === step);
        const sum = calls.reduce((total, line) => total + line.cost, 0);
        // What a run costs that a step has started is that run's.
        if (kind === 'workflow') continue;
        if (sum !== cost) this.#accuse('I4', `step ${step} cost ${cost}, its calls ${sum}`);
      }
    }
    this.#checkAllIsBack();
    for (const { steps } of this.#world.database.runs.values())
      for (const { node, agent, error } of steps.values()) {
        if (error?.code !== 'BUDGET_EXCEEDED' || !asks(agent)) continue;
        if (isDaily(error.details?.scope ?? ''))
          this.#accuse('I17', `${node} has failed, and ought to wait for money`);
      }
  }

  /** Only who is to wait does, and only for a purse that is too small. */
  #checkAsk(step: Step | null, scope: unknown): void {
    const { purses } = this.#world.database;
    if (!step || !('agent' in step.place)) return;
    if (!asks(actingOf(step)) || !isDaily(String(scope)))
      this.#accuse('I17', `${pathOf(step)} waits for '${scope}', and ought not to`);
    // What other engines have reserved may come back; what is this one's may be spent, and not yet be written.
    const left = [...purses].map(
      ([name, { limit, settled, reserved }]) =>
        limit - settled - reserved + (this.#world.rivalReserved.get(name) ?? 0),
    );
    if (Math.min(...left) >= mostMicroUsd)
      this.#accuse('I17', `${pathOf(step)} waits for money, ${Math.min(...left)} are left`);
  }

  #checkPurses(): void {
    const { database } = this.#world;
    const sums = [...database.runs.values()].map((run) => this.#sumsOf(run));
    const reserved = sum(sums.map((run) => run.reserved));
    const settled = sum(sums.map((run) => run.settled));
    const tenant = [...database.purses].filter(([name]) => name.includes(' tenant '));
    const rivals = sum([...this.#world.rivalReserved.values()]);
    const held = sum(tenant.map(([, purse]) => purse.reserved)) - rivals;
    const spent = sum(tenant.map(([, purse]) => purse.settled));
    if (held !== reserved) this.#accuse('I4', `${held} is reserved, the calls say ${reserved}`);
    if (spent - this.#world.rivalSpent !== settled)
      this.#accuse('I4', `${spent} is settled, the calls say ${settled}`);
    this.#checkModules(sums);
    for (const [name, purse] of database.purses) {
      if (purse.reserved + purse.settled > purse.limit)
        this.#accuse('I4', `${name}: ${purse.settled} + ${purse.reserved} of ${purse.limit}`);
      if (purse.reserved < 0) this.#accuse('I4', `${name} has ${purse.reserved} reserved`);
    }
  }

  /** Each module's purse has what its agents' calls say, whoever has called them in. */
  #checkModules(sums: readonly CallSums[]): void {
    const all = new Map<string, number>();
    for (const { held } of sums)
      for (const [name, microUsd] of held) all.set(name, (all.get(name) ?? 0) + microUsd);
    for (const [name, microUsd] of all) {
      const purse = this.#world.database.purses.get(name);
      const told = (purse?.reserved ?? 0) + (purse?.settled ?? 0);
      if (told !== microUsd) this.#accuse('I4', `${name} has ${told}, its calls say ${microUsd}`);
    }
  }

  /** What is in the database changes with a commit and not otherwise. */
  #sumsOf({ id, commit, ledger, entries }: StoredRun): CallSums {
    const known = this.#sums.get(id);
    if (known?.commit === commit) return known;
    let [reserved, settled] = [0, 0];
    const held = new Map<string, number>();
    for (const line of ledger.values()) {
      const isOpen = line.state === 'reserved';
      if (isOpen) reserved += line.reserved;
      settled += line.cost;
      const { module, period } = entries.find(({ seq }) => seq === line.seq)?.data ?? {};
      const name = `1 module:${module} ${period}`;
      held.set(name, (held.get(name) ?? 0) + (isOpen ? line.reserved : line.cost));
    }
    const sums = { commit, reserved, settled, held };
    this.#sums.set(id, sums);
    return sums;
  }

  #checkRuns(): void {
    for (const run of this.#world.database.runs.values()) {
      const budget = this.#world.graphOf(run.id).budgetMicroUsd;
      if (budget === null) continue;
      const used = this.#usedBy(run);
      if (used > budget) this.#accuse('I4', `run ${run.id} has used ${used} of ${budget}`);
    }
  }

  /** What a run has used, with all that its steps have started. */
  #usedBy(run: StoredRun): number {
    const own = sum([...this.#sumsOf(run).held.values()]);
    const below = this.#world.database.children.filter(({ parent }) => parent.run === run.id);
    return own + sum(below.map((child) => this.#usedBy(child)));
  }

  /** What one engine sends in a minute, counted where the provider sees it: by the moment at which it left, and by what it used. */
  #checkProvider(): void {
    const now = this.#world.clock.now();
    const { modelLimits } = this.#world.setup;
    if (!modelLimits) return;
    const recent = this.#world.outside.calls.filter(({ madeAt }) => madeAt > now - 2 * minuteMs);
    for (const calls of Map.groupBy(recent, ({ boot, model }) => `${boot} ${model}`).values()) {
      const limit = modelLimits[calls[0]?.model ?? ''] ?? {};
      const open = calls.filter((call) => call.open).length;
      if (open > (limit.concurrency ?? Number.POSITIVE_INFINITY))
        this.#accuse('I5', `${open} calls at once, ${limit.concurrency} may`);
      const last = calls.at(-1)?.madeAt ?? 0;
      const window = calls.filter(({ madeAt }) => madeAt > last - minuteMs && madeAt <= last);
      const tokens = sum(window.map(({ usage }) => usage.input + usage.output));
      if (window.length > (limit.requestsPerMinute ?? Number.POSITIVE_INFINITY))
        this.#accuse('I5', `${window.length} calls in a minute, ${limit.requestsPerMinute} may`);
      if (window.length > 1 && tokens > (limit.tokensPerMinute ?? Number.POSITIVE_INFINITY))
        this.#accuse('I5', `${tokens} tokens in a minute, ${limit.tokensPerMinute} may`);
    }
  }

  /** I6 for calls: who waits for one is kept back by a limit, or a timer is set that looks again. */
  #checkPermits(): void {
    const { engine, setup } = this.#world;
    if (!setup.modelLimits || !engine.isAlive || engine.connection.isAsked) return;
    if (engine.journal.isAway || setup.dailyBudgetMicroUsd !== undefined) return;
    for (const thread of engine.threads.values()) {
      const { waits, cancelled, job, calls } = thread;
      if (!waits || cancelled || !calls.isQueued || this.#isBlocked(thread)) continue;
      const models = modelsOf(job.agent, setup.choose);
      const isKept = models.some((model) => this.#isBusy(model));
      if (!isKept && !this.#othersWait(engine, thread))
        this.#accuse('I6', `${job.stepPath} waits for a call that nothing keeps from it`);
    }
  }

  #isBusy(model: string): boolean {
    const { engine, setup, outside } = this.#world;
    const { boot } = engine;
    const limit = setup.modelLimits?.[model] ?? {};
    if (outside.calls.some((call) => call.open && call.boot === boot && call.model === model))
      return true;
    const recent = this.#calls.recent(engine, model);
    return (
      recent >= (limit.requestsPerMinute ?? Number.POSITIVE_INFINITY) ||
      (recent + 1) * mostTokens > (limit.tokensPerMinute ?? Number.POSITIVE_INFINITY) ||
      this.#calls.isTroubled(engine, model)
    );
  }

  /** Whether slots keep it: to go on it needs one, as whoever starts. */
  #isBlocked({ job }: SimThread): boolean {
    const { engine, setup } = this.#world;
    const run = engine.loop.runs.get(job.runId);
    const step = run?.steps.find((each) => pathOf(each) === job.stepPath);
    return !run || !step || isBlocked({ run, step }, holders(engine), setup.limits);
  }

  // A call that was granted and not yet made, or one that stands before it.
  #othersWait(engine: SimEngine, { job }: SimThread): boolean {
    const models = modelsOf(job.agent, this.#world.setup.choose);
    return [...engine.threads.values()].some(
      (other) =>
        other.job.ref !== job.ref &&
        (other.phase === 'permitted' || other.phase === 'asking') &&
        models.some((model) => this.#mayCall(other, model)),
    );
  }

  #mayCall({ job }: SimThread, model: string): boolean {
    return modelsOf(job.agent, this.#world.setup.choose).includes(model);
  }

  #checkAllIsBack(): void {
    const { engine, database } = this.#world;
    if (engine.loop.runs.size > 0 || this.#world.rivalSpent > 0) return;
    for (const id of database.runs.keys())
      if (engine.broker.budget.left(`run:${id}`) !== null)
        this.#accuse('I10', `run ${id} has ended, and its purse is open`);
    for (const profile of ['fast', 'standard'] as const)
      if (
        engine.broker.hasModels &&
        engine.broker.waitMs({
          profile,
          bytes: 1,
          scopes: [],
          period: '',
          tenantId: 1,
          module: '',
        }) === null
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

function asks(agent: string | null): boolean {
  return agents.get(agent ?? '')?.agent.onBudget === 'ask';
}
