import type { CompiledTask } from '../../../core/engine/graph/compiled.ts';
import type { Change } from '../../../core/engine/journal/rows.ts';
import type { Run } from '../../../core/engine/run/run.ts';
import { isTerminal, type StepStatus } from '../../../core/engine/run/states.ts';
import { pathOf, type Step } from '../../../core/engine/run/step.ts';
import type { Job } from '../../../core/ports/dispatcher.ts';
import { modelsOf } from './agents.ts';
import type { SimEngine } from './engine.ts';
import { type Accuse, nameOfRun, type Seen } from './seen.ts';
import { actingOf, type Holder, holders, isBlocked } from './slots.ts';
import { turnsHeld } from './store.ts';
import type { Money } from './watch-money.ts';

const ageMs = 60_000;

/** I1, I2, I3, I6, I7, I8 and I10: what starts, when, and what could have started. */
export class Starts {
  readonly #world: Seen;
  readonly #accuse: Accuse;
  readonly #money: Pick<Money, 'isIdle'>;
  /** Attempt numbers of each step's starts, by run and path. */
  readonly #attempts = new Map<string, number>();
  /** By engine and run: from here on nothing of it starts; with steps, nothing of these. */
  readonly #stopped = new Map<SimEngine, Set<Run | Step>>();

  constructor(world: Seen, accuse: Accuse, money: Pick<Money, 'isIdle'>) {
    this.#world = world;
    this.#accuse = accuse;
    this.#money = money;
  }

  changed(engine: SimEngine, { run, step, entries = [], turns = [] }: Change): void {
    for (const { kind } of entries) {
      if (kind === 'run.cancelling' || kind === 'run.aborted') this.#stop(engine, run);
      if (kind === 'step.cancelling' && step) this.#stop(engine, step);
      if (kind === 'step.started' && step) this.#begun(engine, run, step);
    }
    if (turns.length === 0 || !step) return;
    const stopped = this.#stopped.get(engine);
    if (run.isCancelled || step.isCancelling || stopped?.has(run) || stopped?.has(step))
      this.#accuse('I10', `a call of ${pathOf(step)} is granted after its cancel`);
  }

  launched(engine: SimEngine, job: Job): void {
    // Whoever has been taken over from starts what was durable before it hears of it; nothing of that is written or done.
    if (engine !== this.#world.engine) return;
    const run = engine.loop.runs.get(job.runId);
    const step = run?.steps.find((each) => pathOf(each) === job.stepPath);
    const where = `${nameOfRun(job.runId)} ${job.stepPath}`;
    if (!run || !step) return this.#accuse('I10', `${where} starts, and its run has ended`);
    this.#checkDependencies(run, step, where);
    this.#checkOneAttempt(engine, job, where);
    this.#checkResumed(job, step, where);
    if (this.#isStopped(engine, run, step)) this.#accuse('I10', `${where} starts after its cancel`);
    if (run.graph.deadlineMs !== null) {
      const lateMs = this.#world.clock.now() - run.facts.createdAt - run.graph.deadlineMs;
      if (lateMs > 0) this.#accuse('I10', `${where} starts ${lateMs} ms after the run's deadline`);
    }
  }

  /** After every event: limits, and that nothing was left that could have started. */
  look(): void {
    const { engine } = this.#world;
    this.#checkLimits(engine);
    if (engine.isAlive) this.#checkSlots(engine);
    if (engine.isAlive && !engine.connection.isAsked && !engine.journal.isAway)
      this.#checkNothingIsLeft(engine);
    this.#checkReleased();
  }

  #stop(engine: SimEngine, what: Run | Step): void {
    const stopped = this.#stopped.get(engine) ?? new Set();
    this.#stopped.set(engine, stopped.add(what));
  }

  #isStopped(engine: SimEngine, run: Run, step: Step): boolean {
    const stopped = this.#stopped.get(engine);
    if (stopped?.has(run) || stopped?.has(step)) return true;
    const { entries } = this.#world.database.run(run.facts.id);
    return entries.some(
      (entry) =>
        entry.kind === 'run.cancelling' ||
        entry.kind === 'run.aborted' ||
        (entry.kind === 'step.cancelling' && entry.step === step.id),
    );
  }

  // Read from the rows: what a step waits for has to be durable when it starts.
  #checkDependencies(run: Run, step: Step, where: string): void {
    const { steps } = this.#world.database.run(run.facts.id);
    const around = step.item ? step.item.steps : run.steps.slice(0, run.graph.nodes.length);
    const states = step.place.deps.map(
      (dep) => (steps.get((around[dep] as Step).id)?.status ?? 'pending') as StepStatus,
    );
    if (!mayStart(step, states))
      this.#accuse('I1', `${where} (${step.place.join}) starts after ${states.join(', ')}`);
    const container = step.item && steps.get(step.item.container.step.id);
    if (container && container.status !== 'running')
      this.#accuse('I1', `${where} starts, and its foreach is ${container.status}`);
    const started = this.#world.database
      .run(run.facts.id)
      .entries.some(
        ({ kind, step: id, attempt }) =>
          kind === 'step.started' && id === step.id && attempt === step.attempt,
      );
    if (!started) this.#accuse('I2', `${where} runs, and its start is not durable`);
  }

  #checkOneAttempt(engine: SimEngine, job: Job, where: string): void {
    const same = [...engine.threads.values()].filter(
      (each) => each.job.runId === job.runId && each.job.stepPath === job.stepPath,
    );
    if (same.length > 1) this.#accuse('I2', `${where} has ${same.length} live attempts`);
    const name = `${job.runId} ${job.stepPath}`;
    if (job.attempt <= (this.#attempts.get(name) ?? 0))
      this.#accuse('I2', `${where} starts attempt ${job.attempt} again`);
    this.#attempts.set(name, job.attempt);
    const row = this.#world.database.run(job.runId);
    const ended = [...row.steps.values()].find(
      (each) => pathOf({ node: each.node, itemKey: each.item_key }) === job.stepPath,
    )?.ended_at;
    if (ended) this.#accuse('I2', `${where} starts, and it has ended`);
  }

  /** A conversation goes on after its last recorded turn: nothing is paid for twice. */
  #checkResumed({ mode, runId, recorded }: Job, step: Step, where: string): void {
    if (mode !== 'model') return;
    const { entries } = this.#world.database.run(runId);
    const own = entries.findLast(({ kind, step: id }) => kind === 'step.started' && id === step.id);
    const afresh = entries.findLast(
      ({ kind, step: id, data }) => kind === 'step.retrying' && id === step.id && 'afresh' in data,
    );
    // What is begun anew goes on from nothing that was said before.
    const before = entries.filter(({ seq }) => seq < (own?.seq ?? 0) && seq > (afresh?.seq ?? 0));
    const held = turnsHeld(before, step.id);
    if (recorded.length !== held)
      this.#accuse('I2', `${where} goes on after ${recorded.length} of ${held} recorded turns`);
  }

  #checkLimits(engine: SimEngine): void {
    const { limits } = this.#world.setup;
    const all = [...engine.threads.values()];
    const jobs = all.filter(({ waits }) => !waits).map(({ job }) => job);
    if (jobs.length > limits.running) this.#accuse('I3', `${jobs.length} run of ${limits.running}`);
    for (const [runId, own] of Map.groupBy(jobs, (job) => job.runId)) {
      const limit = Math.min(limits.perRun, this.#concurrencyOf(runId));
      if (own.length > limit) this.#accuse('I3', `${own.length} of ${limit} of one run`);
    }
    for (const [module, own] of Map.groupBy(jobs, (job) => job.agent.split('.')[0]))
      if (own.length > limits.perModule) this.#accuse('I3', `${own.length} of module ${module}`);
    // An item whose conversation waits is under way all the same.
    const under = all.map(({ job }) => job);
    for (const run of engine.loop.runs.values()) this.#checkItems(run, under);
  }

  /** I3: the slots that are held are those of the steps that run and do not wait for a call, and no others. */
  #checkSlots(engine: SimEngine): void {
    const held = holders(engine).length;
    const { running } = engine.scheduler;
    if (held !== running) this.#accuse('I3', `${running} slots are held, by ${held} steps`);
  }

  #concurrencyOf(runId: string): number {
    return this.#world.graphOf(runId).concurrency;
  }

  #checkItems(run: Run, jobs: readonly Job[]): void {
    const own = jobs.filter(({ runId }) => runId === run.facts.id);
    if (own.length === 0) return;
    const paths = new Set(own.map((job) => job.stepPath));
    const items = run.steps.filter((step) => step.item && paths.has(pathOf(step)));
    for (const [container, inside] of Map.groupBy(items, (step) => step.item?.container)) {
      const open = new Set(inside.map((step) => step.item)).size;
      if (container && open > container.node.concurrency)
        this.#accuse('I3', `${open} items at once, ${container.node.concurrency} may`);
    }
  }

  /** I6: whatever is ready is kept back by a limit that is reached, or by a model that others use. */
  #checkNothingIsLeft(engine: SimEngine): void {
    const { setup } = this.#world;
    if (setup.dailyBudgetMicroUsd !== undefined || engine.isDraining) return;
    let held: readonly Holder[] | null = null;
    for (const run of engine.loop.runs.values()) {
      if (run.isCancelled || run.isPaused) continue;
      for (const step of run.steps) {
        const isAgent = step.kind === 'task' || step.kind === 'reduce';
        if (!isAgent || step.status !== 'ready') continue;
        held ??= holders(engine);
        if (isBlocked({ run, step }, held, setup.limits)) continue;
        if (this.#hasWhatItNeeds(engine, step))
          this.#accuse('I6', `${pathOf(step)} is ready, nothing keeps it, and it does not start`);
      }
    }
  }

  /** Whether a step needs no call to start, or one of models that nobody uses or waits for. */
  #hasWhatItNeeds(engine: SimEngine, step: Step): boolean {
    const { modelLimits, choose } = this.#world.setup;
    // A conversation that goes on begins with what was recorded, and asks by itself.
    if (modelLimits === null || step.onPlaybook || step.recorded > 0) return true;
    const models = modelsOf(actingOf(step), choose);
    return models.every((model) => this.#money.isIdle(engine, model));
  }

  /** Whether a limit on what runs is reached, counting those that `counts` says. */
  #blocked(engine: SimEngine, holder: Holder, counts: (step: Step) => boolean): boolean {
    const held = holders(engine).filter(({ step }) => counts(step));
    return isBlocked(holder, held, this.#world.setup.limits);
  }

  /** I7: no model begins something new while a conversation waits for it that could go on. */
  #checkFollowUps(engine: SimEngine, step: Step): void {
    const { choose, dailyBudgetMicroUsd } = this.#world.setup;
    const isCall = !step.onPlaybook && step.recorded === 0;
    if (!isCall || dailyBudgetMicroUsd !== undefined) return;
    const [model] = modelsOf(actingOf(step), choose);
    for (const { job, waits, cancelled, calls } of engine.threads.values()) {
      if (!waits || cancelled || !calls.isQueued || modelsOf(job.agent, choose)[0] !== model)
        continue;
      const run = engine.loop.runs.get(job.runId);
      const other = run?.steps.find((each) => pathOf(each) === job.stepPath);
      if (!run || !other || run.isCancelled || other.isCancelling) continue;
      if (!this.#blocked(engine, { run, step: other }, (each) => each !== step))
        this.#accuse('I7', `${pathOf(step)} starts before ${job.stepPath}, which waits to go on`);
    }
  }

  /** I7 and I8: of what could have started instead, nothing stands higher. Exact where only playbooks run. */
  #begun(engine: SimEngine, run: Run, step: Step): void {
    if (engine.isDraining) this.#accuse('I10', `${pathOf(step)} starts, and nothing more may`);
    if (this.#world.setup.modelLimits !== null) return this.#checkFollowUps(engine, step);
    const now = this.#world.clock.now();
    const band = bandOf(run, step, now);
    const held = holders(engine);
    for (const other of engine.loop.runs.values()) {
      if (other.isPaused || other.facts.attended !== run.facts.attended) continue;
      for (const each of other.steps) {
        if (each.status !== 'ready' || !('agent' in each.place)) continue;
        if (isBlocked({ run: other, step: each }, held, this.#world.setup.limits)) continue;
        const higher = bandOf(other, each, now);
        if (higher > band) {
          const ages = [each, step].map((one) => now - (one.readyAt ?? now));
          const waited = (ages[0] as number) >= 10 * ageMs + (ages[1] as number);
          const what = `${pathOf(step)} (band ${band}) starts before ${pathOf(each)} (band ${higher})`;
          this.#accuse(waited ? 'I8' : 'I7', what);
        }
      }
    }
  }

  /** I10: nothing of a run that has ended is under way. */
  #checkReleased(): void {
    const { engine, database } = this.#world;
    for (const { job } of engine.threads.values())
      if (database.run(job.runId).ended)
        this.#accuse('I10', `${job.stepPath} still runs, and its run has ended`);
    if (!this.#world.hasEnded || engine.connection.isAsked || engine.loop.runs.size > 0) return;
    const { running, waiting } = engine.scheduler;
    if (running > 0 || waiting > 0)
      this.#accuse('I10', `all have ended; ${running} slots are held, ${waiting} wait for one`);
  }
}

function mayStart({ place }: Step, states: readonly StepStatus[]): boolean {
  if (states.length === 0) return true;
  switch (place.join) {
    case 'all_succeeded':
      return states.every((status) => status === 'succeeded');
    case 'all_done':
      return states.every(isTerminal);
    case 'any':
      return states.includes('succeeded');
  }
}

function bandOf(run: Run, step: Step, now: number): number {
  const { priority } = step.place as CompiledTask;
  return Math.floor(priority + run.priority - 5 + (now - (step.readyAt ?? now)) / ageMs);
}
