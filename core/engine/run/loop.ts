import type { Clock } from '../../base/clock.ts';
import { EngineError, type ErrorData, toErrorData } from '../../base/errors.ts';
import type { StepFailure } from '../../ports/config.ts';
import type { DispatchEvents, Dispatcher } from '../../ports/dispatcher.ts';
import type { Registry } from '../../sdk/registry.ts';
import type { BreakerState, Breakers } from '../limits/breaker.ts';
import type { Broker } from '../limits/broker.ts';
import type { Scheduler } from '../schedule/scheduler.ts';
import { Attempts, erpBreaker, usesErp } from './attempts.ts';
import { endEntry, nextEntry } from './entries.ts';
import {
  type Failure,
  type FailureParts,
  Failures,
  innocentDelayMs,
  isInnocent,
  type Retry,
} from './failures.ts';
import type { Flushed, Journal } from './journal.ts';
import { Launcher, type Startable } from './launcher.ts';
import type { Outcome } from './outcome.ts';
import type { Recovered } from './recover.ts';
import type { Change } from './rows.ts';
import type { Next, Run } from './run.ts';
import { Spans } from './spans.ts';
import { isTerminal, type RunStatus } from './states.ts';
import { type Asked, Steering } from './steering.ts';
import { type Container, pathOf, type Step } from './step.ts';
import type { Store } from './store.ts';
import { Timers } from './timers.ts';
import { stepScope, Turns } from './turns.ts';

/** What the loop works with. */
export interface LoopParts {
  readonly journal: Journal;
  readonly store: Pick<Store, 'effect' | 'conversation'>;
  readonly scheduler: Scheduler<Startable>;
  readonly broker: Broker;
  readonly dispatcher: Dispatcher;
  readonly registry: Registry;
  readonly clock: Clock;
  /** What a foreach runs over. */
  readonly itemsOf: (run: Run, container: Container) => Promise<readonly unknown[]>;
  readonly breakers: Breakers;
  readonly rulesOf: FailureParts['rulesOf'];
  /** Told when the failure of a step is durable. */
  readonly onStepFailed?: ((failure: StepFailure) => void) | undefined;
  /** Told when a run's end is durable. */
  readonly onEnd: (run: Run, status: RunStatus) => void;
}

/** While others decide when work may start again, it is looked at after this long at the latest, milliseconds. */
const longestLookMs = 1_000;

/**
 * The loop of all runs that this engine owns: state → what next → do → append. Whatever happens is a message, a timer or a
 * commit; it changes a run, `#follow` does what comes next, and `#pump` starts what may start. Nothing here waits.
 */
export class RunLoop {
  readonly #parts: LoopParts;
  readonly #turns: Turns;
  readonly #attempts: Attempts;
  readonly #launcher: Launcher;
  readonly #steering: Steering;
  readonly #failures: Failures;
  readonly #timers: Timers;
  readonly #runs = new Map<string, Run>();
  readonly #spans = new Spans();
  #cancelWake: () => void = () => {};
  #state: 'running' | 'draining' | 'stopped' = 'running';

  constructor(parts: LoopParts) {
    this.#parts = parts;
    this.#timers = new Timers(parts.clock);
    const changed = (): void => this.#pump();
    this.#turns = new Turns({ ...parts, changed });
    this.#attempts = new Attempts({
      ...parts,
      turns: this.#turns,
      spans: this.#spans,
      events: {
        ended: (run, step, outcome) => this.#end(run, step, outcome),
        failed: (run, step, failure) => this.#failed(run, step, failure),
        again: (run, step) => this.#again(run, step),
        changed,
      },
    });
    this.#launcher = new Launcher({
      ...parts,
      turns: this.#turns,
      attempts: this.#attempts,
      changed,
    });
    this.#steering = new Steering({
      ...parts,
      attempts: this.#attempts,
      events: {
        note: (run, entry, taken) => this.#note(run, entry, taken),
        follow: (run, next) => this.#follow(run, next),
        wake: (run, step) => this.#wake(run, step),
        offer: (run, step) => this.#offer(run, step),
      },
    });
    this.#failures = new Failures({
      ...parts,
      agentsOf: (step) => this.#launcher.agentsOf(step),
      events: {
        write: (change) => this.#write(change),
        again: (run, step, retry) => this.#again(run, step, retry),
        failed: (run, step, error) => this.#fail(run, step, error),
        skipped: (run, step, error) => this.#end(run, step, { kind: 'skipped', error }),
        aborted: (run, step, error) => {
          this.#fail(run, step, error);
          this.#steering.stopRun(run, 'failed', `The run was ended by '${pathOf(step)}'.`);
        },
      },
    });
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
    return this.#attempts;
  }

  /** Takes up a run as it was recovered. */
  adopt(run: Run, { next, changes, spentMicroUsd }: Recovered): void {
    const { facts, graph } = run;
    this.#runs.set(facts.id, run);
    this.#spans.beginRun(run);
    this.#parts.scheduler.limitRun(facts.id, graph.concurrency);
    this.#parts.broker.budget.open(
      `run:${facts.id}`,
      graph.budgetMicroUsd ?? Number.MAX_SAFE_INTEGER,
      { settledMicroUsd: spentMicroUsd },
    );
    run.status = run.liveStatus();
    this.#write({ run, step: null, runStatus: run.status });
    for (const change of changes) this.#write(change);
    this.#timers.armDeadline(run, () => this.ask(facts.id, { kind: 'cancel', reason: 'deadline' }));
    this.#follow(run, next);
    this.#pump();
  }

  /** Does what somebody asks of a run that lives. */
  ask(runId: string, asked: Asked, taken: readonly number[] = []): void {
    const run = this.#runs.get(runId);
    if (!run || isTerminal(run.status)) return;
    this.#steering.follow(run, asked, taken);
    this.#settleStatus(run);
    this.#pump();
  }

  /** Tells every run that a model or the ERP is left alone, tried again, or well. */
  breakerMoved(name: string, state: BreakerState): void {
    for (const run of this.#runs.values())
      this.#note(run, { step: null, kind: 'breaker.moved', data: { name, state } });
    this.#parts.clock.after(0, () => this.#pump());
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
    this.#cancelWake();
    this.#timers.stop();
    this.#attempts.stop();
  }

  // ── what next ──────────────────────────────────────────────────────────────────────────────────────────────────────

  #follow(run: Run, next: readonly Next[]): void {
    for (const each of next) {
      switch (each.kind) {
        case 'ready':
          this.#offer(run, each.step);
          break;
        case 'wait':
          this.#timers.armWake(each.step, () => this.#wake(run, each.step));
          break;
        case 'expand':
          void this.#expand(run, each.container);
          break;
        case 'gated':
          this.#note(run, {
            step: each.step,
            kind: 'gate.decided',
            data: { open: each.step.status === 'succeeded' },
          });
          break;
        case 'ended':
          this.#endRun(run, each.status);
      }
    }
    for (const step of run.takeChanged()) this.#write({ run, step });
    this.#settleStatus(run);
  }

  async #expand(run: Run, container: Container): Promise<void> {
    const { step } = container;
    try {
      const values = await this.#parts.itemsOf(run, container);
      if (step.status !== 'running' || this.#state === 'stopped') return;
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
      const data = toErrorData(error);
      if (step.status !== 'running' || this.#state === 'stopped') return;
      if (isInnocent(data)) {
        this.#parts.clock.after(innocentDelayMs, () => void this.#expand(run, container));
        return;
      }
      this.#end(run, step, { kind: 'failed', error: data });
    }
    this.#pump();
  }

  #offer(run: Run, step: Step): void {
    if (!run.isPaused) this.#parts.scheduler.offer(this.#launcher.startable(run, step));
  }

  #wake(run: Run, step: Step): void {
    if (this.#state === 'stopped') return;
    this.#timers.forgetWake(step);
    run.wake(step, this.#parts.clock.now());
    this.#follow(run, [{ kind: 'ready', step }]);
    this.#pump();
  }

  // ── do ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

  #pump(): void {
    if (this.#state === 'stopped') return;
    this.#turns.grantWaiting((attempt) => this.#attempts.isLive(attempt));
    if (this.#state === 'draining') return;
    let waitMs = this.#turns.waitMs();
    const admits = ({ wish, step }: Startable): boolean => {
      const registered = this.#launcher.agentOf(step);
      const refused = usesErp(registered) ? this.#parts.breakers.refusal(erpBreaker) : null;
      if (refused) {
        waitMs = Math.min(waitMs ?? longestLookMs, refused.untilMs ?? longestLookMs);
        return false;
      }
      if (!wish) return true;
      const answer = this.#turns.admits(wish, registered);
      if (answer.waitMs !== null) waitMs = Math.min(waitMs ?? answer.waitMs, answer.waitMs);
      return answer.yes;
    };
    this.#parts.scheduler.take(this.#parts.clock.now(), admits, (item) => this.#start(item));
    this.#cancelWake();
    if (waitMs !== null)
      this.#cancelWake = this.#parts.clock.after(Math.max(waitMs, 10), () => this.#pump());
  }

  #start(item: Startable): void {
    try {
      this.#launcher.start(item);
    } catch (error) {
      const failure = { error: toErrorData(error), onModel: item.model !== null };
      this.#failed(item.owner, item.step, failure);
    }
  }

  #failed(run: Run, step: Step, failure: Failure): void {
    if (failure.error.code === 'EFFECT_IN_REVIEW') this.#awaitReview(run, step, failure.error);
    else this.#failures.follow(run, step, failure);
  }

  /** Lets a step wait for the person who settles its effect; it holds nothing meanwhile. */
  #awaitReview(run: Run, step: Step, error: ErrorData): void {
    if (run.isCancelled || step.isCancelling) return this.#end(run, step, { kind: 'cancelled' });
    if (step.settled.delete(String(error.details?.key))) return this.#again(run, step);
    this.#free(run, step);
    run.wait(step, 'review');
    this.#note(run, { step, kind: 'step.waiting', data: { wait: 'review', ...error.details } });
    this.#follow(run, []);
  }

  /** Tries a step again: after a delay when it has failed, at once when it only lost its thread. */
  #again(run: Run, step: Step, retry: Retry | null = null): void {
    if (run.isCancelled || step.isCancelling) return this.#end(run, step, { kind: 'cancelled' });
    const now = this.#parts.clock.now();
    const wakeAt = retry && now + Math.ceil(retry.delayMs);
    this.#free(run, step);
    run.retry(step, now, wakeAt);
    const { tries, crashes, reassignedTo, onPlaybook } = step;
    const taken = {
      ...(reassignedTo !== null && { agent: reassignedTo }),
      ...(onPlaybook && { playbook: true }),
    };
    const data = { ...retry?.how, ...tries, crashes, wakeAt, ...taken };
    this.#note(run, { step, kind: 'step.retrying', data });
    this.#follow(run, [{ kind: wakeAt === null ? 'ready' : 'wait', step }]);
  }

  /** Ends a step as failed, and says so outside once that is durable. */
  #fail(run: Run, step: Step, error: ErrorData): void {
    this.#end(run, step, { kind: 'failed', error });
    const { tenantId, id: runId, workflow } = run.facts;
    const agent = this.#launcher.agentOf(step).name;
    const failure = {
      tenantId,
      runId,
      workflow,
      step: pathOf(step),
      agent,
      error,
      told: step.told,
    };
    this.#write({ run, step: null }, () => this.#parts.onStepFailed?.(failure));
  }

  // ── append ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  #write(change: Change, durable?: (flushed: Flushed) => void): void {
    this.#parts.journal.write(change, durable);
  }

  #note(run: Run, entry: Parameters<typeof nextEntry>[1], taken: readonly number[] = []): void {
    // The row of an ended step is final, and not written again.
    const step = entry.step && isTerminal(entry.step.status) ? null : entry.step;
    this.#write({ run, step, entries: [nextEntry(run, entry)], taken });
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
    if (outcome.kind === 'succeeded') step.outputSeq = entry?.seq ?? null;
    const next = run.settle(step, outcome, this.#parts.clock.now());
    this.#write({ run, step, entries: entry ? [entry] : [] });
    this.#follow(run, next);
  }

  #endRun(run: Run, status: RunStatus): void {
    this.#timers.forget(run);
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
    const { module } = this.#launcher.agentOf(step);
    this.#parts.scheduler.release({ run: run.facts.id, module });
    this.#parts.broker.budget.close(stepScope(run, step));
  }
}
