import type { Clock } from '../../base/clock.ts';
import type { Decided } from '../approvals/decide.ts';
import type { Decision } from '../approvals/rules.ts';
import type { EntryInput } from '../journal/entries.ts';
import type { Next } from '../run/next.ts';
import { type Actor, usualPriority } from '../run/request.ts';
import type { Run } from '../run/run.ts';
import { isTerminal } from '../run/states.ts';
import { noteSettled, type Step } from '../run/step.ts';
import type { Scheduler } from '../schedule/scheduler.ts';
import type { Message, SteerKind } from '../store/inbox.ts';
import type { Attempts } from './attempts.ts';
import type { Waiting } from './waiting.ts';

/** What somebody outside asks of a run; `taken` are the inbox rows that asked. */
export type Asked =
  | { readonly kind: 'cancel'; readonly reason: 'asked' | 'deadline' }
  | { readonly kind: 'cancel_step'; readonly step: number; readonly subtree: boolean }
  | { readonly kind: 'pause' | 'resume' }
  | { readonly kind: 'priority'; readonly priority: number; readonly by: Actor }
  /** A person has settled an effect that the step waits for. */
  | { readonly kind: 'settled'; readonly step: number; readonly key: string }
  /** People have decided what a step asked them. */
  | {
      readonly kind: 'decision';
      readonly step: number;
      /** The effect, where it is about one: the step itself looks what has become of that. */
      readonly key?: string;
      readonly decided: Decided;
    }
  /** Nobody has decided in time, and further people may. */
  | {
      readonly kind: 'escalated';
      readonly step: number;
      readonly approval: string;
      readonly to: readonly string[];
    };

/** What is done to a run that is steered, as the run loop does it. */
export interface SteeringEvents {
  /** Records a line, and with it the inbox rows that led to it. */
  note(run: Run, entry: EntryInput, taken?: readonly number[]): void;
  /** The same, with the run's row. */
  record(run: Run, entry: EntryInput, taken: readonly number[]): void;
  follow(run: Run, next: readonly Next[]): void;
  wake(run: Run, step: Step): void;
  offer(run: Run, step: Step): void;
  decided(run: Run, step: Step, decided: Decided): void;
}

/** What runs are steered with. */
export interface SteeringParts {
  readonly clock: Clock;
  readonly scheduler: Scheduler<Waiting>;
  readonly attempts: Attempts;
  readonly events: SteeringEvents;
}

/** Does what people and deadlines ask of runs: cancel, pause, go on, settle. Each is recorded before anything follows from it. */
export class Steering {
  readonly #parts: SteeringParts;

  constructor(parts: SteeringParts) {
    this.#parts = parts;
  }

  follow(run: Run, asked: Asked, taken: readonly number[]): void {
    const { events } = this.#parts;
    switch (asked.kind) {
      case 'cancel': {
        const data = { reason: asked.reason };
        events.note(run, { step: null, kind: 'run.cancelling', data }, taken);
        return this.stopRun(run, `The run was cancelled (${asked.reason}).`);
      }
      case 'cancel_step':
        return this.#cancelStep(run, asked, taken);
      case 'pause':
      case 'resume':
        return this.#hold(run, asked.kind, taken);
      case 'priority':
        return this.#rank(run, asked, taken);
      case 'settled': {
        const step = run.steps[asked.step] ?? null;
        events.note(run, { step, kind: 'effect.settled', data: { key: asked.key } }, taken);
        if (step?.wait === 'review') events.wake(run, step);
        else if (step) noteSettled(step, asked.key);
        return;
      }
      case 'decision': {
        const step = run.steps[asked.step] ?? null;
        const { key } = asked;
        const data = { ...(key !== undefined && { key }), ...asked.decided };
        events.note(run, { step, kind: 'approval.decided', data }, taken);
        if (step && key === undefined) events.decided(run, step, asked.decided);
        else if (step?.wait === 'approval') events.wake(run, step);
        else if (step && key !== undefined) noteSettled(step, key);
        return;
      }
      case 'escalated': {
        const { approval, to } = asked;
        const step = run.steps[asked.step] ?? null;
        events.note(run, { step, kind: 'approval.escalated', data: { approval, to } }, taken);
      }
    }
  }

  /** Ends a run before its time: what does not run ends now, what runs is aborted. `by`: its own step, which has asked for it and has not ended. */
  stopRun(run: Run, reason: string, by?: Step): void {
    const { scheduler, clock, events, attempts } = this.#parts;
    scheduler.withdraw((item) => item.owner === run);
    // The run first: what ends in the following must free nothing that waits for it.
    events.follow(run, run.cancel(clock.now(), by ? 'failed' : 'cancelled', by));
    attempts.cancel((each) => each.run === run, reason);
  }

  #cancelStep(
    run: Run,
    { step: id, subtree }: Extract<Asked, { kind: 'cancel_step' }>,
    taken: readonly number[],
  ): void {
    const { scheduler, clock, events, attempts } = this.#parts;
    const target = run.steps[id];
    if (!target || isTerminal(target.status) || run.isCancelled) {
      const late = { step: target ?? null, kind: 'step.cancelling', data: { subtree, late: true } };
      return events.note(run, late, taken);
    }
    const { next, running } = run.cancelStep(target, { subtree, now: clock.now() });
    const data = { subtree, running: running.map((step) => step.id) };
    events.note(run, { step: target, kind: 'step.cancelling', data }, taken);
    // What runs of it may be asking for a call.
    scheduler.withdraw(({ step }) => isTerminal(step.status) || running.includes(step));
    events.follow(run, next);
    attempts.cancel(({ step }) => running.includes(step), 'The step was cancelled.');
  }

  /** What waits looks its priority up: the next look goes by this one. */
  #rank(
    run: Run,
    { priority: to, by }: Extract<Asked, { kind: 'priority' }>,
    taken: readonly number[],
  ): void {
    const data = { from: run.priority, to, by };
    run.priority = to;
    this.#parts.events.record(run, { step: null, kind: 'run.reprioritized', data }, taken);
  }

  #hold(run: Run, kind: 'pause' | 'resume', taken: readonly number[]): void {
    const { scheduler, events } = this.#parts;
    const isPausing = kind === 'pause';
    events.note(run, { step: null, kind: `run.${kind}d`, data: {} }, taken);
    if (run.isPaused === isPausing) return;
    if (isPausing) {
      run.pause();
      // A conversation under way goes on to its end.
      scheduler.withdraw((item) => item.owner === run && item.kind === 'start');
    } else {
      run.resume();
      for (const step of run.steps) if (step.status === 'ready') events.offer(run, step);
    }
  }
}

/** What a message asks. */
export function askedBy({ kind, data, actor }: Message<SteerKind>): Asked {
  switch (kind) {
    case 'cancel':
      return data.step === undefined
        ? { kind: 'cancel', reason: 'asked' }
        : { kind: 'cancel_step', step: data.step, subtree: data.subtree === true };
    case 'priority':
      return { kind, priority: data.priority ?? usualPriority, by: actor };
    case 'settled':
      return { kind: 'settled', step: data.step ?? -1, key: data.key ?? '' };
    case 'decision': {
      const { step = -1, key, state = 'refused', by = [], note = null } = data;
      const about = key === undefined ? {} : { key };
      // Of its expiry or withdrawal only an effect's step is told, which looks by itself.
      return { kind: 'decision', step, ...about, decided: { state: state as Decision, by, note } };
    }
    case 'escalated': {
      const { step = -1, approval = '', to = [] } = data;
      return { kind: 'escalated', step, approval, to };
    }
    case 'pause':
    case 'resume':
      return { kind };
  }
}
