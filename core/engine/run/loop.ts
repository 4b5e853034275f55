import type { Clock } from '../../base/clock.ts';
import { EngineError, type ErrorData, toErrorData } from '../../base/errors.ts';
import type { DispatchEvents, Dispatcher } from '../../ports/dispatcher.ts';
import type { Registry } from '../../sdk/registry.ts';
import type { Broker } from '../limits/broker.ts';
import type { Scheduler } from '../schedule/scheduler.ts';
import { Attempts } from './attempts.ts';
import { endEntry, nextEntry } from './entries.ts';
import type { Flushed, Journal } from './journal.ts';
import { Launcher, type Startable } from './launcher.ts';
import type { Outcome } from './outcome.ts';
import { retryDelayMs } from './retry.ts';
import type { Change } from './rows.ts';
import type { Next, Run } from './run.ts';
import { Spans } from './spans.ts';
import { isTerminal, type RunStatus } from './states.ts';
import type { Container, Step } from './step.ts';
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
  /** Told when a run's end is durable. */
  readonly onEnd: (run: Run, status: RunStatus) => void;
}

/** What somebody outside asks of a run; `taken` are the inbox rows that asked. */
export type Asked =
  | { readonly kind: 'cancel'; readonly reason: 'asked' | 'deadline' }
  | { readonly kind: 'cancel_step'; readonly step: number; readonly subtree: boolean }
  | { readonly kind: 'pause' | 'resume' }
  /** A person has settled an effect that the step waits for. */
  | { readonly kind: 'settled'; readonly step: number; readonly key: string };

/** Failures that say nothing about a step: its engine or its database was in the way. They cost no try. */
const innocent = ['DB_UNAVAILABLE', 'DB_FULL', 'ENGINE_FENCED', 'ENGINE_STOPPED'];
const innocentDelayMs = 500;

/**
 * The loop of all runs that this engine owns: state → what next → do → append. Whatever happens is a message, a timer or a
 * commit; it changes a run, `#follow` does what comes next, and `#pump` starts what may start. Nothing here waits.
 */
export class RunLoop {
  readonly #parts: LoopParts;
  readonly #turns: Turns;
  readonly #attempts: Attempts;
  readonly #launcher: Launcher;
  readonly #timers: Timers;
  readonly #runs = new Map<string, Run>();
  readonly #spans = new Spans();
  #cancelWake: () => void = () => {};
  #state: 'running' | 'draining' | 'stopped' = 'running';

  constructor(parts: LoopParts) {
    this.#parts = parts;
    this.#timers = new Timers(parts.clock);
    this.#turns = new Turns(parts);
    this.#attempts = new Attempts({
      ...parts,
      turns: this.#turns,
      spans: this.#spans,
      events: {
        ended: (run, step, outcome) => this.#end(run, step, outcome),
        failed: (run, step, error) => this.#failed(run, step, error),
        again: (run, step) => this.#again(run, step),
        changed: () => this.#pump(),
      },
    });
    this.#launcher = new Launcher({ ...parts, turns: this.#turns, attempts: this.#attempts });
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

  /** Takes up a run: `changes` say what its last owner left unsaid, `next` is what is to be done first. */
  adopt(
    run: Run,
    { next, changes }: { readonly next: readonly Next[]; readonly changes: readonly Change[] },
  ): void {
    const { facts, graph } = run;
    this.#runs.set(facts.id, run);
    this.#spans.beginRun(run);
    this.#parts.scheduler.limitRun(facts.id, graph.concurrency);
    this.#parts.broker.budget.open(
      `run:${facts.id}`,
      graph.budgetMicroUsd ?? Number.MAX_SAFE_INTEGER,
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
    switch (asked.kind) {
      case 'cancel':
        this.#note(
          run,
          { step: null, kind: 'run.cancelling', data: { reason: asked.reason } },
          taken,
        );
        this.#stopRun(run, 'cancelled', `The run was cancelled (${asked.reason}).`);
        break;
      case 'cancel_step':
        this.#cancelStep(run, asked, taken);
        break;
      case 'pause':
      case 'resume':
        this.#hold(run, asked.kind, taken);
        break;
      case 'settled': {
        const step = run.steps[asked.step] ?? null;
        this.#note(run, { step, kind: 'effect.settled', data: { key: asked.key } }, taken);
        if (step?.wait === 'review') this.#wake(run, step);
      }
    }
    this.#settleStatus(run);
    this.#pump();
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
      if (innocent.includes(data.code)) {
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

  #start(item: Startable): void {
    try {
      this.#launcher.start(item);
    } catch (error) {
      this.#failed(item.owner, item.step, toErrorData(error));
    }
  }

  /** Ends a run before its time: what does not run ends now, what runs is aborted. */
  #stopRun(run: Run, as: 'cancelled' | 'failed', reason: string): void {
    this.#parts.scheduler.withdraw((item) => item.owner === run);
    // The run first: what ends in the following must free nothing that waits for it.
    this.#follow(run, run.cancel(this.#parts.clock.now(), as));
    this.#attempts.cancel((each) => each.run === run, reason);
  }

  #cancelStep(
    run: Run,
    { step: id, subtree }: Extract<Asked, { kind: 'cancel_step' }>,
    taken: readonly number[],
  ): void {
    const target = run.steps[id];
    this.#note(run, { step: target ?? null, kind: 'step.cancelling', data: { subtree } }, taken);
    if (!target || isTerminal(target.status)) return;
    const { next, running } = run.cancelStep(target, { subtree, now: this.#parts.clock.now() });
    this.#parts.scheduler.withdraw(({ step }) => isTerminal(step.status));
    this.#follow(run, next);
    this.#attempts.cancel(({ step }) => running.includes(step), 'The step was cancelled.');
  }

  #hold(run: Run, kind: 'pause' | 'resume', taken: readonly number[]): void {
    const isPausing = kind === 'pause';
    this.#note(
      run,
      { step: null, kind: isPausing ? 'run.paused' : 'run.resumed', data: {} },
      taken,
    );
    if (run.isPaused === isPausing) return;
    if (isPausing) {
      run.pause();
      this.#parts.scheduler.withdraw((item) => item.owner === run);
    } else {
      run.resume();
      for (const step of run.steps) if (step.status === 'ready') this.#offer(run, step);
    }
  }

  /** Decides what follows from a failed attempt. */
  #failed(run: Run, step: Step, error: ErrorData): void {
    if (error.code === 'EFFECT_IN_REVIEW') return this.#awaitReview(run, step, error);
    if (innocent.includes(error.code)) return this.#again(run, step, innocentDelayMs);
    step.failures += 1;
    const limit = this.#launcher.agentOf(step).agent.limits?.attempts ?? 3;
    const mayPass = new EngineError(error.code, '').retryable && step.failures < limit;
    if (mayPass) this.#again(run, step, retryDelayMs(step.failures, Math.random(), error));
    else this.#end(run, step, { kind: 'failed', error });
  }

  /** Lets a step wait for the person who settles its effect; it holds nothing meanwhile. */
  #awaitReview(run: Run, step: Step, error: ErrorData): void {
    if (run.isCancelled) return this.#end(run, step, { kind: 'cancelled' });
    this.#free(run, step);
    run.wait(step, 'review');
    this.#note(run, { step, kind: 'step.waiting', data: { wait: 'review', ...error.details } });
    this.#follow(run, []);
  }

  /** Tries a step again: at once after the loss of its thread, after a delay when it has failed. */
  #again(run: Run, step: Step, delayMs: number | null = null): void {
    if (run.isCancelled) return this.#end(run, step, { kind: 'cancelled' });
    const now = this.#parts.clock.now();
    const wakeAt = delayMs === null ? null : now + Math.ceil(delayMs);
    this.#free(run, step);
    run.retry(step, now, wakeAt);
    const { failures, crashes } = step;
    this.#note(run, { step, kind: 'step.retrying', data: { failures, crashes, wakeAt } });
    this.#follow(run, [{ kind: wakeAt === null ? 'ready' : 'wait', step }]);
  }

  // ── append ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  #write(change: Change, durable?: (flushed: Flushed) => void): void {
    this.#parts.journal.write(change, durable);
  }

  #note(run: Run, entry: Parameters<typeof nextEntry>[1], taken: readonly number[] = []): void {
    this.#write({ run, step: entry.step, entries: [nextEntry(run, entry)], taken });
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
