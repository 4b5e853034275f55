import { EngineError, type ErrorData, toErrorData } from '../../base/errors.ts';
import type { DispatchEvents } from '../../ports/dispatcher.ts';
import type { Recovered } from '../adoption/recover.ts';
import type { Decided } from '../approvals/decide.ts';
import { Standstill } from '../authority/standstill.ts';
import { Batches } from '../batches/batches.ts';
import { Explainer } from '../explain/explainer.ts';
import { isAgentPlace } from '../graph/compiled.ts';
import {
  decidedEntry,
  type EntryInput,
  endEntry,
  nextEntry,
  runEnded,
} from '../journal/entries.ts';
import type { Flushed } from '../journal/journal.ts';
import type { Change } from '../journal/rows.ts';
import type { BreakerState } from '../limits/breaker.ts';
import { Outside } from '../outside/outside.ts';
import { isOutside } from '../run/inline.ts';
import type { Next } from '../run/next.ts';
import type { Outcome } from '../run/outcome.ts';
import type { Run } from '../run/run.ts';
import { stepScope } from '../run/run-purses.ts';
import { isTerminal, type RunStatus } from '../run/states.ts';
import { isEnding, pathOf, type Step } from '../run/step.ts';
import { Admission } from './admission.ts';
import { Attempts, type Delta } from './attempts.ts';
import { Expansion } from './expansion.ts';
import { type Failure, type FailureEvents, Failures, type Retry, toldOf } from './failures.ts';
import { Launcher } from './launcher.ts';
import type { LoopParts } from './loop-parts.ts';
import { People } from './people.ts';
import { Spans } from './spans.ts';
import { type Asked, Steering } from './steering.ts';
import { Timers } from './timers.ts';
import { asksForMoney, Turns } from './turns.ts';

const unlimited = Number.MAX_SAFE_INTEGER;

/**
 * The loop of all runs that this engine owns: state → what next → do → append. Whatever happens is a message, a timer or a
 * commit; it changes a run, `#follow` does what comes next, and `look` starts what may start. Nothing here waits.
 */
export class RunLoop {
  /** Says what waiting steps wait for. */
  readonly explainer: Explainer;
  readonly #parts: LoopParts;
  readonly #turns: Turns;
  readonly #attempts: Attempts;
  readonly #launcher: Launcher;
  readonly #admission: Admission;
  readonly #steering: Steering;
  readonly #failures: Failures;
  readonly #people: People;
  readonly #expansion: Expansion;
  readonly #batches: Batches;
  readonly #outside: Outside | null;
  readonly #timers: Timers;
  readonly #runs = new Map<string, Run>();
  readonly #spans: Spans;
  #state: 'running' | 'draining' | 'stopped' = 'running';

  constructor(parts: LoopParts) {
    this.#parts = parts;
    this.#spans = new Spans(parts.spanIds);
    this.#timers = new Timers(parts.clock);
    const changed = (): void => this.look();
    const standstill = new Standstill({
      ...parts,
      agentsOf: (step) => this.#launcher.agentsOf(step),
      offer: (run, step) => this.#offer(run, step),
      changed,
    });
    const shared = { ...parts, ...parts.limits, standstill };
    const events = {
      ended: (run: Run, step: Step, outcome: Outcome) => this.#end(run, step, outcome),
      failed: (run: Run, step: Step, failure: Failure) => this.#failed(run, step, failure),
      again: (run: Run, step: Step, retry?: Retry) => this.#again(run, step, retry),
      batched: (run: Run, step: Step) => this.#batches.enter(run, step),
      delegated: (run: Run, step: Step) => this.#outside?.delegated(run, step),
      write: (change: Change, durable?: () => void) => this.#write(change, durable),
      said: (delta: Delta) => parts.onDelta?.(delta),
      note: (run: Run, entry: EntryInput, taken?: readonly number[]) =>
        this.#note(run, entry, taken),
      record: (run: Run, entry: EntryInput, taken: readonly number[]) =>
        this.#record(run, entry, taken),
      follow: (run: Run, next: readonly Next[]) => this.#follow(run, next),
      wake: (run: Run, step: Step) => this.#wake(run, step),
      offer: (run: Run, step: Step) => this.#offer(run, step),
      free: (run: Run, step: Step) => this.#free(run, step),
      cancelled: (run: Run, step: Step) => this.#end(run, step, { kind: 'cancelled' }),
      decided: (run: Run, step: Step, what: Decided) => this.#outside?.decided(run, step, what),
      changed,
    };
    const agentOf = (step: Step) => this.#launcher.agentOf(step);
    this.#batches = new Batches({ ...shared, agentOf, events });
    this.#turns = new Turns({ ...shared, batches: this.#batches, changed });
    const turns = this.#turns;
    this.#attempts = new Attempts({ ...shared, turns, spans: this.#spans, events });
    const attempts = this.#attempts;
    this.#launcher = new Launcher({ ...shared, turns, attempts, changed });
    const launcher = this.#launcher;
    this.#admission = new Admission({ ...shared, turns, launcher, ...events });
    this.#steering = new Steering({ ...shared, attempts, events });
    this.#people = new People(events, parts.clock);
    const isOn = (): boolean => this.#state === 'running';
    this.#outside = parts.outside
      ? new Outside({ ...parts.outside, ...shared, agentOf, isOn, events })
      : null;
    this.#expansion = new Expansion({
      ...{ ...shared, ...events },
      isOn: () => this.#state !== 'stopped',
      failed: (run, { step }, error) => this.#notExpanded(run, step, error),
    });
    this.#failures = new Failures({
      ...shared,
      agentsOf: (step) => launcher.agentsOf(step),
      events: this.#failureEvents(),
    });
    const isDraining = () => this.#state === 'draining';
    const crew = { runs: this.#runs, turns, launcher, attempts, changed, isDraining };
    this.explainer = new Explainer({ ...shared, ...crew });
  }

  #failureEvents(): FailureEvents {
    return {
      write: (change) => this.#write(change),
      again: (run, step, retry) => this.#again(run, step, retry),
      failed: (run, step, error) => this.#end(run, step, { kind: 'failed', error }),
      skipped: (run, step, error) => this.#end(run, step, { kind: 'skipped', error }),
      aborted: (run, step, error) => {
        this.#steering.stopRun(run, `The run was ended by '${pathOf(step)}'.`, step);
        this.#end(run, step, { kind: 'failed', error });
      },
    };
  }

  get runs(): ReadonlyMap<string, Run> {
    return this.#runs;
  }

  /** Attempts under way. */
  get live(): number {
    return this.#attempts.size;
  }

  /** Hears what threads say. */
  get dispatchEvents(): DispatchEvents {
    return this.explainer.listening(this.#attempts);
  }

  /** Takes up a run as it was recovered. */
  adopt(run: Run, { next, changes, spentMicroUsd, batched }: Recovered): void {
    const { facts, graph } = run;
    this.#runs.set(facts.id, run);
    this.#spans.beginRun(run);
    this.#parts.measures?.adopted(run);
    this.#parts.scheduler.limitRun(facts.id, graph.concurrency);
    this.#parts.limits.broker.budget.open(
      `run:${facts.id}`,
      Math.min(graph.budgetMicroUsd ?? unlimited, facts.leftMicroUsd ?? unlimited),
      { settledMicroUsd: spentMicroUsd },
    );
    run.status = run.liveStatus();
    this.#write({ run, step: null, runStatus: run.status });
    for (const change of changes) this.#write(this.#spans.named(change));
    this.#timers.armDeadline(run, () => this.ask(facts.id, { kind: 'cancel', reason: 'deadline' }));
    this.#batches.adopt(run, batched);
    this.#follow(run, next);
    this.#people.lookAtMoney([run]);
    this.look();
  }

  /** Once a second: what steps wait for outside may have come. @throws DB_* */
  async tend(): Promise<void> {
    await this.#outside?.tend();
    this.look();
  }

  /** Budgets have moved, or a new day has begun: what waits for money asks again. */
  budgetsMoved(): void {
    this.#people.lookAtMoney(this.#runs.values());
    this.look();
  }

  /** Does what somebody asks of a run that lives; whether it has it in memory. */
  ask(runId: string, asked: Asked, taken: readonly number[] = []): boolean {
    const run = this.#runs.get(runId);
    if (!run || isTerminal(run.status)) return false;
    this.#steering.follow(run, asked, taken);
    this.#settleStatus(run);
    this.look();
    return true;
  }

  /** Tells every run that a model or the ERP is left alone, tried again, or well. */
  breakerMoved(name: string, state: BreakerState): void {
    for (const run of this.#runs.values())
      this.#note(run, { step: null, kind: 'breaker.moved', data: { name, state } });
    this.#parts.clock.after(0, () => this.look());
  }

  /** Records a line about a run that lives. */
  note(run: Run, { kind, data }: Pick<EntryInput, 'kind' | 'data'>): boolean {
    const isLive = this.#runs.has(run.facts.id);
    if (isLive) this.#note(run, { step: null, kind, data });
    return isLive;
  }

  /** Starts what may start: something may have let it. */
  look(): void {
    if (this.#state !== 'stopped') this.#admission.look(this.#state === 'draining');
  }

  /** A flush is durable. */
  committed(changes: readonly Change[]): void {
    this.#parts.measures?.committed(changes);
    this.#spans.committed(changes);
  }

  /** How much it has under way and waiting. */
  get load(): { readonly runs: number; readonly running: number; readonly waiting: number } {
    return { runs: this.#runs.size, running: this.live, waiting: this.#parts.scheduler.waiting };
  }

  /** Fails the step whose rows the database refused. */
  rejected(change: Change, error: EngineError): void {
    this.#attempts.rejected(change, error);
  }

  /** Starts nothing more; what runs goes on. */
  drain(): void {
    this.#state = 'draining';
  }

  /** Records that what still runs was interrupted, so that a new owner goes on with it at once and blames nobody. */
  checkpoint(): void {
    const error = toErrorData(new EngineError('ENGINE_STOPPED', 'The engine was stopped.'));
    this.#attempts.giveUp(error);
  }

  /** Does nothing more. */
  stop(): void {
    this.#state = 'stopped';
    this.#admission.stop();
    this.#timers.stop();
    this.#batches.stop();
    this.#attempts.stop();
  }

  // ── what next ──────────────────────────────────────────────────────────────────────────────────────────────────────

  #follow(run: Run, next: readonly Next[]): void {
    for (const each of next) {
      switch (each.kind) {
        case 'ready':
        case 'open':
          this.#offer(run, each.step);
          break;
        case 'wait':
          this.#timers.armWake(each.step, () => this.#wake(run, each.step));
          this.#outside?.watch(run, each.step);
          break;
        case 'expand':
          void this.#expansion.open(run, each.container).then(() => this.look());
          break;
        case 'decided':
          this.#note(run, decidedEntry(each.step));
          break;
        case 'ended':
          this.#endRun(run, each.status);
      }
    }
    for (const step of run.takeChanged()) {
      this.#batches.left(step);
      this.#write({ run, step });
    }
    this.#settleStatus(run);
  }

  #notExpanded(run: Run, step: Step, error: ErrorData): void {
    if (error.code === 'PLAN_CHANGED') this.#failures.abort(run, step, error);
    else this.#end(run, step, { kind: 'failed', error });
  }

  /** Lets a ready step go on its way: into the queue, or to whatever outside it waits for. */
  #offer(run: Run, step: Step): void {
    if (run.isPaused) return;
    if (isOutside(step)) return void this.#outside?.open(run, step).then(() => this.look());
    if (this.#batches.takes(run, step)) return;
    this.#parts.scheduler.offer(this.#launcher.startable(run, step));
  }

  #wake(run: Run, step: Step): void {
    if (this.#state === 'stopped') return;
    this.#timers.forgetWake(step);
    if (isOutside(step)) void this.#outside?.late(run, step).then(() => this.look());
    else {
      run.wake(step, this.#parts.clock.now());
      this.#follow(run, [{ kind: 'ready', step }]);
    }
    this.look();
  }

  // ── do ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

  #failed(run: Run, step: Step, failure: Failure): void {
    const { error } = failure;
    if (error.code === 'EFFECT_IN_REVIEW') this.#people.ask(run, step, { wait: 'review', error });
    else if (error.code === 'APPROVAL_PENDING')
      this.#people.ask(run, step, { wait: 'approval', error });
    else if (asksForMoney(error)) this.#people.ask(run, step, { wait: 'budget', error });
    else this.#failures.follow(run, step, failure);
  }

  /** Tries a step again: after a delay when it has failed, at once when it only lost its thread. */
  #again(run: Run, step: Step, retry: Retry | null = null): void {
    if (isEnding(run, step)) return this.#end(run, step, { kind: 'cancelled' });
    const now = this.#parts.clock.now();
    const wakeAt = retry && now + Math.ceil(retry.delayMs);
    // First: the slot that it gives back is of the module that had it.
    this.#free(run, step);
    if (retry?.to !== undefined) step.reassignedTo = retry.to;
    run.retry(step, now, wakeAt);
    const { tries, crashes, reassignedTo, onPlaybook } = step;
    const agent = reassignedTo !== null && { agent: reassignedTo };
    const playbook = onPlaybook && { playbook: true };
    const data = { ...retry?.how, ...tries, crashes, wakeAt, ...agent, ...playbook };
    this.#note(run, { step, kind: 'step.retrying', data });
    this.#follow(run, [{ kind: wakeAt === null ? 'ready' : 'wait', step }]);
  }

  /** Says outside, once that is durable, that a step has failed. */
  #telling(run: Run, step: Step, error: ErrorData): () => void {
    const agent = isAgentPlace(step.place) ? this.#launcher.agentOf(step).name : null;
    const failure = toldOf(run, step, { agent, error });
    return () => this.#parts.onStepFailed?.(failure);
  }

  // ── append ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  #write(change: Change, durable?: (flushed: Flushed) => void): void {
    this.#parts.journal.write(change, durable);
  }

  #note(run: Run, entry: EntryInput, taken: readonly number[] = []): void {
    // The row of an ended step is final, and not written again.
    const step = entry.step && isTerminal(entry.step.status) ? null : entry.step;
    this.#write({ run, step, entries: [nextEntry(run, entry)], taken });
  }

  #record(run: Run, entry: EntryInput, taken: readonly number[]): void {
    const entries = [nextEntry(run, entry)];
    this.#write({ run, step: null, entries, runStatus: run.status, taken });
  }

  #settleStatus(run: Run): void {
    const status = run.liveStatus();
    if (status === run.status) return;
    run.status = status;
    this.#write({ run, step: null, runStatus: status });
  }

  #end(run: Run, step: Step, outcome: Outcome): void {
    this.#free(run, step);
    const entry = endEntry(run, step, outcome);
    if (outcome.kind === 'succeeded') step.outputSeq = outcome.saidAt ?? entry?.seq ?? null;
    const next = run.settle(step, outcome, this.#parts.clock.now());
    const tell = outcome.kind === 'failed' ? this.#telling(run, step, outcome.error) : undefined;
    this.#write({ run, step, entries: entry ? [entry] : [] }, tell);
    this.#follow(run, next);
  }

  #endRun(run: Run, status: RunStatus): void {
    this.#timers.forget(run);
    this.#batches.leave(run);
    const entries = [nextEntry(run, runEnded(run, status))];
    this.#write({ run, step: null, entries, runStatus: status }, () =>
      this.#parts.onEnd(run, status),
    );
    this.#runs.delete(run.facts.id);
    this.#parts.scheduler.forget(run.facts.id);
    this.#parts.limits.broker.budget.close(`run:${run.facts.id}`);
  }

  /** Gives back what a running step held. A foreach holds nothing; a step that waits leaves the queue. */
  #free(run: Run, step: Step): void {
    if (!isAgentPlace(step.place)) return;
    if (step.status === 'ready' || step.isAsking)
      this.#parts.scheduler.withdraw((item) => item.step === step);
    if (step.status !== 'running') return;
    const { module } = this.#launcher.agentOf(step);
    if (!step.isAsking) this.#parts.scheduler.release({ run: run.facts.id, module });
    step.isAsking = false;
    this.#parts.limits.broker.budget.close(stepScope(run, step));
  }
}
