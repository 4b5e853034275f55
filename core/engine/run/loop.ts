import type { Clock } from '../../base/clock.ts';
import { EngineError, type ErrorData, errorRow, toErrorData } from '../../base/errors.ts';
import { Prompt } from '../../guard/prompt.ts';
import type { DispatchEvents, Dispatcher, FromThread, Job, JobDone, TurnDone } from '../../ports/dispatcher.ts';
import type { Registry } from '../../sdk/registry.ts';
import type { AgentPlace } from '../graph/compile.ts';
import type { Broker, CallWish } from '../limits/broker.ts';
import type { Ready } from '../schedule/ready.ts';
import type { Scheduler } from '../schedule/scheduler.ts';
import { Attempt, nextEntry } from './attempt.ts';
import type { Flushed, Journal } from './journal.ts';
import { retryDelayMs } from './retry.ts';
import type { Change, EntryRow } from './rows.ts';
import type { Next, Outcome, Run } from './run.ts';
import { isTerminal, type RunStatus } from './states.ts';
import { type Container, pathOf, type Step } from './step.ts';
import type { Store } from './store.ts';

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
  /** Rows of a foreach's query. */
  readonly rows: (run: Run, container: Container) => Promise<readonly unknown[]>;
  /** Told when a run's end is durable. */
  readonly onEnd: (run: Run, status: RunStatus) => void;
}

/** Lanes that may die under a step before it is given up; one more death alone on its lane proves it guilty. */
const suspectAfter = 2;

/**
 * The loop of all runs that this engine owns: state → what next → do → append. Everything that happens is a message, a
 * timer or a commit; each ends in `#pump`, which starts what may start. Nothing here waits.
 */
export class RunLoop implements DispatchEvents {
  readonly #parts: LoopParts;
  readonly #runs = new Map<string, Run>();
  readonly #attempts = new Map<number, Attempt>();
  /** Model calls that running steps wait for; served before anything new starts. */
  #followUps: { readonly attempt: Attempt; readonly wish: CallWish }[] = [];
  readonly #prompts = new Map<string, Prompt>();
  #nextRef = 1;
  #order = 0;
  #wakeAt: (() => void) | null = null;
  #stopped = false;

  constructor(parts: LoopParts) {
    this.#parts = parts;
  }

  get runs(): ReadonlyMap<string, Run> {
    return this.#runs;
  }

  /** Takes up a run and what is to be done for it first. */
  adopt(run: Run, next: readonly Next[]): void {
    const { facts, graph } = run;
    this.#runs.set(facts.id, run);
    this.#parts.scheduler.limitRun(facts.id, graph.concurrency);
    this.#parts.broker.budget.open(`run:${facts.id}`, graph.budgetMicroUsd ?? Number.MAX_SAFE_INTEGER);
    this.#parts.journal.write({ run, step: null, runStatus: run.status });
    this.#follow(run, next);
    this.#pump();
  }

  /** Ends a run from outside: what waits never starts, what runs is aborted. */
  cancel(runId: string, taken: readonly number[]): void {
    const run = this.#runs.get(runId);
    if (!run || run.status !== 'running') return;
    this.#append(run, null, { entries: [nextEntry(run, { step: null, kind: 'run.cancelling', data: {} })], taken });
    this.#parts.scheduler.withdraw((item) => item.owner === run);
    const error = toErrorData(new EngineError('CANCELLED', 'The run was cancelled.'));
    for (const attempt of this.#attempts.values()) if (attempt.run === run) this.#parts.dispatcher.cancel(attempt.ref, error);
    this.#follow(run, run.cancel(this.#parts.clock.now()));
    this.#pump();
  }

  /** Starts nothing more; attempts that run may still end. */
  stop(): void {
    this.#stopped = true;
    this.#wakeAt?.();
    for (const attempt of this.#attempts.values()) attempt.disarm();
  }

  messages(batch: readonly FromThread[]): void {
    for (const message of batch) {
      const attempt = this.#attempts.get(message.ref);
      // A message from an attempt that was given up is late; the journal has decided without it.
      if (attempt) this.#hear(attempt, message);
    }
    this.#pump();
  }

  lost(ref: number, reason: string, suspect: boolean): void {
    const attempt = this.#attempts.get(ref);
    if (!attempt) return;
    const { run, step } = attempt;
    step.crashes += 1;
    const error = toErrorData(new EngineError('LANE_LOST', `The thread under '${pathOf(step)}' died: ${reason}.`));
    this.#close(attempt);
    const settled = attempt.call && this.#settleCall(attempt, { usage: null, sent: true }, { data: { error: error.code } });
    const now = this.#parts.clock.now();
    const attempts = [attempt.ended(suspect || attempt.alone ? 'crashed' : 'lost', error, now)];
    this.#append(run, step, { ...settled, attempts });
    if (attempt.alone) {
      const guilty = new EngineError('STEP_CRASHED', `'${pathOf(step)}' ends every thread that runs it: ${reason}. It is not tried again.`);
      this.#end(run, step, { kind: 'failed', error: toErrorData(guilty) });
    } else {
      if (suspect) step.crashes = Math.max(step.crashes, suspectAfter);
      run.retry(step, now);
      this.#offer(run, step);
    }
    this.#pump();
  }

  /** The database refused a step's rows: they are gone, and the step fails; nothing else does. */
  rejected(change: Change, error: EngineError): void {
    const { run, step } = change;
    if (!step || isTerminal(step.status) && step.error?.code === 'JOURNAL_REJECTED') return;
    for (const attempt of this.#attempts.values()) if (attempt.step === step) this.#close(attempt);
    // The rows that said how it ended were dropped, so its end is told anew.
    Object.assign(step, { status: 'failed', error: toErrorData(error), output: null, outputSeq: null });
    this.#append(run, step, { entries: [nextEntry(run, { step, kind: 'step.failed', data: { error: step.error } })] });
    this.#pump();
  }

  // ── state → what next ──────────────────────────────────────────────────────────────────────────────────────────────

  #follow(run: Run, next: readonly Next[]): void {
    for (const each of next) {
      switch (each.kind) {
        case 'ready':
          this.#offer(run, each.step);
          break;
        case 'expand':
          void this.#expand(run, each.container);
          break;
        case 'gated':
          this.#append(run, each.step, { entries: [nextEntry(run, { step: each.step, kind: 'gate.decided', data: { open: each.step.status === 'succeeded' } })] });
          break;
        case 'ended':
          this.#endRun(run, each.status);
          break;
      }
    }
    for (const step of run.takeChanged()) this.#parts.journal.write({ run, step });
  }

  async #expand(run: Run, container: Container): Promise<void> {
    const { step } = container;
    try {
      const values = await this.#parts.rows(run, container);
      if (step.status !== 'running') return;
      const next = run.expand(container, values, this.#parts.clock.now());
      const body = JSON.stringify(values);
      this.#append(run, step, { entries: [nextEntry(run, { step, kind: 'foreach.expanded', data: { items: values.length }, held: 'input', body })] });
      this.#follow(run, next);
    } catch (error) {
      if (step.status === 'running') this.#end(run, step, { kind: 'failed', error: toErrorData(error) });
    }
    this.#pump();
  }

  #offer(run: Run, step: Step): void {
    const place = step.place as AgentPlace & Step['place'];
    this.#parts.scheduler.offer({
      service: run.facts.attended ? 'interactive' : 'batch',
      run: run.facts.id,
      module: place.module,
      model: this.#parts.broker.hasModels ? this.#parts.broker.modelOf(this.#agent(step).agent.model ?? 'standard') : null,
      priority: place.priority,
      readyAt: step.readyAt ?? this.#parts.clock.now(),
      order: (this.#order += 1),
      owner: run,
      step,
      wish: this.#firstWish(run, step),
    });
  }

  #firstWish(run: Run, step: Step): CallWish | null {
    const { agent } = this.#agent(step);
    if (!this.#parts.broker.hasModels) return null;
    return { profile: agent.model ?? 'standard', bytes: this.#prompt(step).bytes(this.#safeInput(run, step)), scopes: this.#scopes(run, step) };
  }

  // ── do: starts ─────────────────────────────────────────────────────────────────────────────────────────────────────

  #pump(): void {
    if (this.#stopped) return;
    this.#grantFollowUps();
    const { scheduler, broker, clock } = this.#parts;
    let waitMs: number | null = null;
    const waitingModels = new Set(this.#followUps.map((each) => broker.modelOf(each.wish.profile)));
    const admits = (item: Startable): boolean => {
      if (!item.wish) return true;
      if (item.model && waitingModels.has(item.model)) return false;
      const refusal = broker.refusal(item.wish);
      if (!refusal || refusal.never) return true;
      const wait = broker.waitMs(item.wish);
      if (wait !== null && wait > 0) waitMs = Math.min(waitMs ?? wait, wait);
      return false;
    };
    scheduler.take(clock.now(), admits, (item) => this.#start(item));
    this.#wakeIn(waitMs);
  }

  #start(item: Startable): void {
    const { owner: run, step, wish } = item;
    const { broker, clock, journal } = this.#parts;
    const registered = this.#agent(step);
    const refusal = wish && broker.refusal(wish);
    const mode = wish && !refusal ? 'model' : 'playbook';
    run.begin(step, clock.now());
    const attempt = new Attempt({ ref: this.#nextRef++, run, step, registered, mode, alone: step.crashes >= suspectAfter });
    this.#attempts.set(attempt.ref, attempt);
    broker.budget.open(stepScope(run, step), registered.agent.limits?.costMicroUsd ?? 50_000, { settledMicroUsd: step.costMicroUsd });
    const input = registered.agent.input.safeParse(this.#safeInput(run, step));
    if (!input.success) return this.#refuse(attempt, new EngineError('INPUT_INVALID', `The input of '${pathOf(step)}' does not fit '${registered.name}': ${input.error.issues[0]?.message}.`));
    if (refusal && (registered.agent.onBudget === 'fail' || !registered.agent.procedure)) {
      return this.#refuse(attempt, new EngineError('BUDGET_EXCEEDED', `The budget '${refusal.scope}' is too small for a model call; raise it or give '${registered.name}' a playbook.`));
    }
    step.degraded = refusal !== null;
    const money = wish && mode === 'model' ? attempt.turnStarted(broker.grant(wish), wish, this.#period()) : {};
    const entries = [attempt.started(), ...(money.entries ?? [])];
    journal.write({ run, step, ...money, entries }, (flushed) => this.#launch(attempt, input.data, flushed));
  }

  #launch(attempt: Attempt, input: unknown, flushed: Flushed): void {
    if (this.#stopped || !this.#attempts.has(attempt.ref)) return;
    const { run, step, registered } = attempt;
    const { clock, dispatcher } = this.#parts;
    // Another engine spent what was left in the meantime: the reservation was not written, the call is not made.
    const denied = attempt.call && !flushed.admitted;
    if (denied) this.#deny(attempt);
    const timeoutMs = registered.agent.limits?.timeoutMs ?? 120_000;
    const late = toErrorData(new EngineError('AGENT_TIMEOUT', `'${registered.name}' did not end within ${timeoutMs} ms.`));
    attempt.disarm = clock.after(timeoutMs, () => dispatcher.cancel(attempt.ref, late));
    step.worker = dispatcher.run({
      ref: attempt.ref,
      tenantId: run.facts.tenantId,
      runId: run.facts.id,
      stepPath: pathOf(step),
      attempt: step.attempt,
      agent: registered.name,
      input,
      mode: denied ? 'playbook' : attempt.mode,
      company: run.facts.company,
      businessDate: run.facts.businessDate,
      attended: run.facts.attended,
      alone: attempt.alone,
      permitted: attempt.call !== null,
    });
  }

  #grantFollowUps(): void {
    const { broker, dispatcher } = this.#parts;
    const waiting = this.#followUps;
    this.#followUps = [];
    for (const each of waiting) {
      const { attempt, wish } = each;
      if (!this.#attempts.has(attempt.ref)) continue;
      const refusal = broker.refusal(wish);
      if (!refusal) {
        const change = attempt.turnStarted(broker.grant(wish), wish, this.#period());
        this.#append(attempt.run, attempt.step, change, (flushed) => {
          if (flushed.admitted) return dispatcher.tell({ kind: 'granted', ref: attempt.ref });
          this.#deny(attempt);
          dispatcher.tell({ kind: 'denied', ref: attempt.ref, error: overBudget('tenant') });
        });
      } else if (refusal.never) dispatcher.tell({ kind: 'denied', ref: attempt.ref, error: overBudget(refusal.scope) });
      else this.#followUps.push(each);
    }
  }

  // ── do: what threads say ───────────────────────────────────────────────────────────────────────────────────────────

  #hear(attempt: Attempt, message: FromThread): void {
    const { run, step } = attempt;
    switch (message.kind) {
      case 'entry':
        return this.#append(run, step, attempt.noted(message.entry));
      case 'finding':
        return this.#append(run, step, attempt.found(message.finding));
      case 'permit':
        this.#followUps.push({ attempt, wish: { profile: attempt.registered.agent.model ?? 'standard', bytes: message.bytes, scopes: this.#scopes(run, step) } });
        return;
      case 'turn':
        return this.#endTurn(attempt, message.done);
      case 'intent':
        return this.#append(run, step, attempt.intended(message.intent), (flushed) => void this.#begun(attempt, message.intent.key, flushed));
      case 'effected':
        return this.#append(run, step, attempt.effected(message), () => this.#parts.dispatcher.tell({ kind: 'ended', ref: attempt.ref, key: message.key }));
      case 'done':
        return this.#done(attempt, message.done);
    }
  }

  async #begun(attempt: Attempt, key: string, flushed: Flushed): Promise<void> {
    const known = flushed.newEffects.has(key) ? null : await this.#parts.store.effect(attempt.run.facts.tenantId, key);
    this.#parts.dispatcher.tell({ kind: 'begun', ref: attempt.ref, key, known });
  }

  #endTurn(attempt: Attempt, done: TurnDone): void {
    if (!attempt.call) return;
    const data = { turn: done.turn, stop: done.stop, durationMs: done.durationMs, tokens: done.usage, ...(done.error && { error: done.error.code }) };
    const change = this.#settleCall(attempt, done, { data, ...(done.body !== undefined && { body: done.body }) });
    this.#append(attempt.run, attempt.step, change);
  }

  #done(attempt: Attempt, done: JobDone): void {
    const { run, step } = attempt;
    this.#close(attempt);
    step.degraded ||= done.degraded;
    step.trust = done.trust;
    const now = this.#parts.clock.now();
    if (done.kind === 'succeeded') {
      this.#append(run, step, { attempts: [attempt.ended('succeeded', null, now)] });
      this.#end(run, step, { kind: 'succeeded', output: JSON.parse(done.output) }, done.output);
      return;
    }
    const outcome = done.error.code === 'CANCELLED' ? 'cancelled' : done.error.code === 'AGENT_TIMEOUT' ? 'timed_out' : 'failed';
    this.#append(run, step, { attempts: [attempt.ended(outcome, done.error, now)] });
    if (outcome === 'cancelled') return this.#end(run, step, { kind: 'cancelled' });
    step.failures += 1;
    if (!errorRow(done.error.code)?.retryable || step.failures >= (attempt.registered.agent.limits?.attempts ?? 3)) {
      return this.#end(run, step, { kind: 'failed', error: done.error });
    }
    this.#append(run, step, { entries: [nextEntry(run, { step, kind: 'step.retrying', data: { error: done.error.code, failures: step.failures } })] });
    run.retry(step, now);
    this.#parts.clock.after(retryDelayMs(step.failures, Math.random()), () => {
      if (step.status !== 'ready' || this.#stopped) return;
      this.#offer(run, step);
      this.#pump();
    });
  }

  // ── append ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  #append(run: Run, step: Step | null, change: Omit<Change, 'run' | 'step'>, durable?: (flushed: Flushed) => void): void {
    this.#parts.journal.write({ run, step, ...change }, durable);
  }

  #end(run: Run, step: Step, outcome: Outcome, output?: string): void {
    const entries: EntryRow[] = [];
    if (outcome.kind === 'succeeded') {
      const entry = nextEntry(run, { step, kind: 'step.succeeded', data: {}, ...(output !== undefined && { held: 'output' as const, body: output }) });
      step.outputSeq = entry.seq;
      entries.push(entry);
    } else if (outcome.kind === 'failed') entries.push(nextEntry(run, { step, kind: 'step.failed', data: { error: outcome.error } }));
    const next = run.settle(step, outcome, this.#parts.clock.now());
    this.#append(run, step, { entries });
    this.#follow(run, next);
  }

  #endRun(run: Run, status: RunStatus): void {
    const entry = nextEntry(run, { step: null, kind: 'run.ended', data: { status } });
    this.#append(run, null, { entries: [entry], runStatus: status }, () => this.#parts.onEnd(run, status));
    this.#runs.delete(run.facts.id);
    this.#parts.scheduler.forget(run.facts.id);
    this.#parts.broker.budget.close(`run:${run.facts.id}`);
  }

  #refuse(attempt: Attempt, error: EngineError): void {
    this.#close(attempt);
    this.#end(attempt.run, attempt.step, { kind: 'failed', error: toErrorData(error) });
  }

  #close(attempt: Attempt): void {
    attempt.disarm();
    this.#attempts.delete(attempt.ref);
    const { run, step } = attempt;
    this.#parts.scheduler.release({ run: run.facts.id, module: attempt.registered.module });
    if (!attempt.call) this.#parts.broker.budget.close(stepScope(run, step));
  }

  #settleCall(
    attempt: Attempt,
    end: { readonly usage: TurnDone['usage']; readonly sent: boolean },
    told: { readonly data: Readonly<Record<string, unknown>>; readonly body?: string },
  ): Pick<Change, 'entries' | 'settles' | 'budgets'> {
    const call = attempt.call as NonNullable<Attempt['call']>;
    const settlement = this.#parts.broker.settle(call.grant, call.wish.profile, end);
    return attempt.turnEnded(settlement, this.#period(), { ...told, tokens: end.usage });
  }

  #deny(attempt: Attempt): void {
    const call = attempt.call as NonNullable<Attempt['call']>;
    this.#parts.broker.settle(call.grant, call.wish.profile, { usage: null, sent: false });
    attempt.call = null;
    attempt.step.degraded = true;
  }

  #agent(step: Step): Attempt['registered'] {
    return this.#parts.registry.agents.get((step.place as AgentPlace & Step['place']).agent) as Attempt['registered'];
  }

  #prompt(step: Step): Prompt {
    const { agent, name } = this.#agent(step);
    let prompt = this.#prompts.get(name);
    if (!prompt) this.#prompts.set(name, (prompt = new Prompt(agent)));
    return prompt;
  }

  #safeInput(run: Run, step: Step): unknown {
    try {
      return run.inputOf(step);
    } catch {
      return undefined;
    }
  }

  #scopes(run: Run, step: Step): readonly string[] {
    const { module } = step.place as AgentPlace & Step['place'];
    return ['tenant', `module:${module}`, `workflow:${run.facts.workflow}`, `run:${run.facts.id}`, stepScope(run, step)];
  }

  #period(): string {
    return new Date(this.#parts.clock.now()).toISOString().slice(0, 10);
  }

  #wakeIn(waitMs: number | null): void {
    this.#wakeAt?.();
    this.#wakeAt = waitMs === null ? null : this.#parts.clock.after(Math.max(waitMs, 10), () => this.#pump());
  }
}

function stepScope(run: Run, step: Step): string {
  return `step:${run.facts.id}:${step.id}`;
}

function overBudget(scope: string): ErrorData {
  return toErrorData(new EngineError('BUDGET_EXCEEDED', `The budget '${scope}' is spent.`));
}
