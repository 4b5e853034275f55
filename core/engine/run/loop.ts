import type { Clock } from '../../base/clock.ts';
import { EngineError, type ErrorData, toErrorData } from '../../base/errors.ts';
import type { DispatchEvents, Dispatcher } from '../../ports/dispatcher.ts';
import type { RegisteredAgent, Registry } from '../../sdk/registry.ts';
import type { AgentPlace, CompiledTask } from '../graph/compile.ts';
import type { Broker, CallWish } from '../limits/broker.ts';
import type { Ready } from '../schedule/ready.ts';
import type { Scheduler } from '../schedule/scheduler.ts';
import { Attempt, nextEntry } from './attempt.ts';
import { Attempts, crashesUntilAlone } from './attempts.ts';
import type { Flushed, Journal } from './journal.ts';
import { retryDelayMs } from './retry.ts';
import type { Change, EntryRow } from './rows.ts';
import type { Next, Outcome, Run } from './run.ts';
import { Spans } from './spans.ts';
import type { RunStatus } from './states.ts';
import { type Container, pathOf, type Step } from './step.ts';
import type { Store } from './store.ts';
import { stepScope, Turns } from './turns.ts';

/** A step that could start now. */
export interface Startable extends Ready {
  readonly owner: Run;
  readonly step: Step;
  /** The first model call, or null for a playbook. */
  readonly wish: CallWish | null;
}

/** What the loop works with. */
export interface LoopParts {
  readonly journal: Journal;
  readonly store: Pick<Store, 'effect'>;
  readonly scheduler: Scheduler<Startable>;
  readonly broker: Broker;
  readonly dispatcher: Dispatcher;
  readonly registry: Registry;
  readonly clock: Clock;
  /** What a foreach runs over. */
  readonly itemsOf: (run: Run, container: Container) => Promise<readonly unknown[]>;
  /** Told when a run's end is durable. */
  readonly onEnd: (run: Run, status: RunStatus) => void;
}

/**
 * The loop of all runs that this engine owns: state → what next → do → append. Whatever happens is a message, a timer or a
 * commit; it changes a run, `#follow` does what comes next, and `#pump` starts what may start. Nothing here waits.
 */
export class RunLoop {
  readonly #parts: LoopParts;
  readonly #turns: Turns;
  readonly #attempts: Attempts;
  readonly #runs = new Map<string, Run>();
  readonly #spans = new Spans();
  /** How to call off each run's deadline. */
  readonly #deadlines = new Map<string, () => void>();
  #nextRef = 1;
  #order = 0;
  #cancelWake: () => void = () => {};
  #stopped = false;

  constructor(parts: LoopParts) {
    this.#parts = parts;
    this.#turns = new Turns(parts);
    this.#attempts = new Attempts({
      ...parts,
      turns: this.#turns,
      spans: this.#spans,
      events: {
        ended: (run, step, outcome) => this.#end(run, step, outcome),
        again: (run, step, failure) => this.#again(run, step, failure),
        changed: () => this.#pump(),
      },
    });
  }

  get runs(): ReadonlyMap<string, Run> {
    return this.#runs;
  }

  /** Hears what threads say. */
  get dispatchEvents(): DispatchEvents {
    return this.#attempts;
  }

  /** Takes up a run and what is to be done for it first. */
  adopt(run: Run, next: readonly Next[]): void {
    const { facts, graph } = run;
    this.#runs.set(facts.id, run);
    this.#spans.beginRun(run);
    this.#parts.scheduler.limitRun(facts.id, graph.concurrency);
    this.#parts.broker.budget.open(
      `run:${facts.id}`,
      graph.budgetMicroUsd ?? Number.MAX_SAFE_INTEGER,
    );
    this.#write({ run, step: null, runStatus: 'running' });
    this.#armDeadline(run);
    this.#follow(run, next);
    this.#pump();
  }

  /** Ends a run from outside: what waits never starts, what runs is aborted. `taken` are the inbox rows that asked for it. */
  cancel(runId: string, reason: 'asked' | 'deadline', taken: readonly number[] = []): void {
    const run = this.#runs.get(runId);
    if (run?.status !== 'running') return;
    const entries = [nextEntry(run, { step: null, kind: 'run.cancelling', data: { reason } })];
    this.#write({ run, step: null, entries, taken });
    this.#parts.scheduler.withdraw((item) => item.owner === run);
    // The run first: what ends in the following must free nothing that waits for it.
    this.#follow(run, run.cancel(this.#parts.clock.now()));
    this.#attempts.cancel(
      run,
      toErrorData(new EngineError('CANCELLED', `The run was cancelled (${reason}).`)),
    );
    this.#pump();
  }

  /** Fails the step whose rows the database refused. */
  rejected(change: Change, error: EngineError): void {
    this.#attempts.rejected(change, error);
  }

  /** Starts nothing more. */
  stop(): void {
    this.#stopped = true;
    this.#cancelWake();
    for (const disarm of this.#deadlines.values()) disarm();
    this.#attempts.stop();
  }

  // ── what next ──────────────────────────────────────────────────────────────────────────────────────────────────────

  #follow(run: Run, next: readonly Next[]): void {
    for (const each of next) {
      if (each.kind === 'ready') this.#offer(run, each.step);
      else if (each.kind === 'expand') void this.#expand(run, each.container);
      else if (each.kind === 'gated')
        this.#note(run, {
          step: each.step,
          kind: 'gate.decided',
          data: { open: each.step.status === 'succeeded' },
        });
      else this.#endRun(run, each.status);
    }
    for (const step of run.takeChanged()) this.#write({ run, step });
  }

  async #expand(run: Run, container: Container): Promise<void> {
    const { step } = container;
    try {
      const values = await this.#parts.itemsOf(run, container);
      if (step.status !== 'running') return;
      const next = run.expand(container, values, this.#parts.clock.now());
      const entry = nextEntry(run, {
        step,
        kind: 'foreach.expanded',
        data: { items: values.length },
        body: { class: 'input', text: JSON.stringify(values) },
      });
      this.#write({ run, step, entries: [entry] });
      this.#follow(run, next);
    } catch (error) {
      if (step.status === 'running')
        this.#end(run, step, { kind: 'failed', error: toErrorData(error) });
    }
    this.#pump();
  }

  #offer(run: Run, step: Step): void {
    const registered = this.#agent(step);
    const wish = this.#turns.first(run, step, registered);
    this.#parts.scheduler.offer({
      service: run.facts.attended ? 'interactive' : 'batch',
      run: run.facts.id,
      module: registered.module,
      model: wish && this.#turns.modelOf(registered),
      priority: (step.place as CompiledTask).priority,
      readyAt: step.readyAt ?? this.#parts.clock.now(),
      order: ++this.#order,
      owner: run,
      step,
      wish,
    });
  }

  // ── do ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

  #pump(): void {
    if (this.#stopped) return;
    this.#turns.grantWaiting((attempt) => this.#attempts.isLive(attempt));
    let waitMs = this.#turns.waitMs();
    const admits = ({ wish }: Startable): boolean => {
      if (!wish) return true;
      const answer = this.#turns.admits(wish);
      if (answer.waitMs !== null) waitMs = Math.min(waitMs ?? answer.waitMs, answer.waitMs);
      return answer.yes;
    };
    this.#parts.scheduler.take(this.#parts.clock.now(), admits, (item) => this.#start(item));
    this.#cancelWake();
    if (waitMs !== null)
      this.#cancelWake = this.#parts.clock.after(Math.max(waitMs, 10), () => this.#pump());
  }

  #start({ owner: run, step, wish }: Startable): void {
    const registered = this.#agent(step);
    const { agent } = registered;
    // Before anything is asked of it: a purse that is not there stands in nobody's way.
    this.#parts.broker.budget.open(stepScope(run, step), agent.limits?.costMicroUsd ?? 50_000, {
      settledMicroUsd: step.costMicroUsd,
    });
    const refusal = wish && this.#turns.refusal(wish);
    const mode = wish && !refusal ? 'model' : 'playbook';
    run.begin(step, this.#parts.clock.now());
    const attempt = new Attempt({
      ref: this.#nextRef++,
      run,
      step,
      registered,
      mode,
      alone: step.crashes >= crashesUntilAlone,
    });
    this.#attempts.add(attempt);
    try {
      if (refusal && needsModel(registered)) throw overBudget(registered, refusal.scope);
      const input = inputOf(run, step, registered);
      step.degraded ||= refusal !== null;
      const turn = wish && mode === 'model' ? this.#turns.begin(attempt, wish) : {};
      const entries = [attempt.started(), ...(turn.entries ?? [])];
      this.#write({ run, step, ...turn, entries }, (flushed) =>
        this.#launch(attempt, input, flushed),
      );
    } catch (error) {
      this.#attempts.close(attempt);
      this.#end(run, step, { kind: 'failed', error: toErrorData(error) });
    }
  }

  #launch(attempt: Attempt, input: unknown, flushed: Flushed): void {
    if (this.#stopped || !this.#attempts.isLive(attempt)) return;
    const { run, step, registered, ref, alone } = attempt;
    const { tenantId, id: runId, company, businessDate, attended } = run.facts;
    if (attempt.call && !flushed.admitted) {
      this.#turns.withdraw(attempt);
      if (needsModel(registered)) {
        this.#attempts.close(attempt);
        return this.#end(run, step, {
          kind: 'failed',
          error: toErrorData(overBudget(registered, 'tenant')),
        });
      }
    }
    const timeoutMs = registered.agent.limits?.timeoutMs ?? 120_000;
    attempt.disarm = this.#parts.clock.after(timeoutMs, () => {
      const late = `'${registered.name}' did not end within ${timeoutMs} ms.`;
      this.#parts.dispatcher.cancel(ref, toErrorData(new EngineError('AGENT_TIMEOUT', late)));
    });
    step.worker = this.#parts.dispatcher.run({
      ref,
      tenantId,
      runId,
      company,
      businessDate,
      attended,
      alone,
      input,
      stepPath: pathOf(step),
      attempt: step.attempt,
      agent: registered.name,
      mode: attempt.call ? 'model' : 'playbook',
      permitted: attempt.call !== null,
      recorded: [],
    });
  }

  #again(run: Run, step: Step, failure: ErrorData | null): void {
    const { clock } = this.#parts;
    if (run.isCancelled) return this.#end(run, step, { kind: 'cancelled' });
    this.#free(run, step);
    run.retry(step, clock.now());
    const { failures, crashes } = step;
    this.#note(run, { step, kind: 'step.retrying', data: { failures, crashes } });
    const offer = (): void => {
      if (step.status !== 'ready' || this.#stopped) return;
      this.#offer(run, step);
      this.#pump();
    };
    if (failure) clock.after(retryDelayMs(step.failures, Math.random(), failure), offer);
    else offer();
  }

  // ── append ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  #write(change: Change, durable?: (flushed: Flushed) => void): void {
    this.#parts.journal.write(change, durable);
  }

  #note(run: Run, entry: Parameters<typeof nextEntry>[1]): void {
    this.#write({ run, step: entry.step, entries: [nextEntry(run, entry)] });
  }

  #end(run: Run, step: Step, outcome: Outcome): void {
    this.#free(run, step);
    const entry = endEntry(run, step, outcome);
    if (outcome.kind === 'succeeded') step.outputSeq = entry?.seq ?? null;
    const next = run.settle(step, outcome, this.#parts.clock.now());
    this.#write({ run, step, entries: entry ? [entry] : [] });
    this.#follow(run, next);
  }

  #armDeadline({ facts, graph }: Run): void {
    if (graph.deadlineMs === null) return;
    const leftMs = Math.max(0, facts.createdAt + graph.deadlineMs - this.#parts.clock.now());
    this.#deadlines.set(
      facts.id,
      this.#parts.clock.after(leftMs, () => this.cancel(facts.id, 'deadline')),
    );
  }

  #endRun(run: Run, status: RunStatus): void {
    this.#deadlines.get(run.facts.id)?.();
    this.#deadlines.delete(run.facts.id);
    const entries = [nextEntry(run, { step: null, kind: 'run.ended', data: { status } })];
    this.#write({ run, step: null, entries, runStatus: status }, () =>
      this.#parts.onEnd(run, status),
    );
    this.#runs.delete(run.facts.id);
    this.#spans.endRun(run, status);
    this.#parts.scheduler.forget(run.facts.id);
    this.#parts.broker.budget.close(`run:${run.facts.id}`);
  }

  /** Gives back what a running step held. A foreach holds nothing; a step that waits leaves the queue. */
  #free(run: Run, step: Step): void {
    if (step.kind === 'foreach' || step.kind === 'gate') return;
    if (step.status === 'ready') this.#parts.scheduler.withdraw((item) => item.step === step);
    if (step.status !== 'running') return;
    this.#parts.scheduler.release({
      run: run.facts.id,
      module: (step.place as CompiledTask).module,
    });
    this.#parts.broker.budget.close(stepScope(run, step));
  }

  #agent(step: Step): RegisteredAgent {
    return this.#parts.registry.agents.get(
      (step.place as AgentPlace & Step['place']).agent,
    ) as RegisteredAgent;
  }
}

/** The entry that tells how a step ended; a cancelled one's end is told by its run. */
function endEntry(run: Run, step: Step, outcome: Outcome): EntryRow | null {
  switch (outcome.kind) {
    case 'succeeded':
      return nextEntry(run, {
        step,
        kind: 'step.succeeded',
        data: {},
        body: { class: 'output', text: outcome.json },
      });
    case 'failed':
      return nextEntry(run, { step, kind: 'step.failed', data: { error: outcome.error } });
    case 'cancelled':
      return null;
  }
}

/** Whether an agent does not go on with its playbook when a model call cannot be paid. */
function needsModel({ agent }: RegisteredAgent): boolean {
  return agent.onBudget === 'fail' || !agent.procedure;
}

function overBudget({ name }: RegisteredAgent, scope: string): EngineError {
  return new EngineError(
    'BUDGET_EXCEEDED',
    `The budget '${scope}' is too small for a model call of '${name}'; raise it.`,
  );
}

/** A step's input, checked. @throws EXPRESSION_INVALID · INPUT_INVALID */
function inputOf(run: Run, step: Step, { agent, name }: RegisteredAgent): unknown {
  const input = agent.input.safeParse(run.inputOf(step));
  if (input.success) return input.data;
  const issue = input.error.issues[0];
  throw new EngineError(
    'INPUT_INVALID',
    `'${pathOf(step)}' gives '${name}' what it does not take: ${issue?.path.join('.') || 'input'}: ${issue?.message}.`,
  );
}
