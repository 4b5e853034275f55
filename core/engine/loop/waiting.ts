import type { EngineError } from '../../base/errors.ts';
import type { CallWish } from '../limits/broker.ts';
import { priorityOf } from '../run/priority-of.ts';
import type { Run } from '../run/run.ts';
import type { Step } from '../run/step.ts';
import type { Ready } from '../schedule/ready.ts';
import type { Attempt } from './attempt.ts';

/**
 * Whose work waits. Its priority is its run's to change: it is looked up at each look. A line of the queue is of
 * one run, so all in it move alike and its order stays.
 */
export class Work {
  readonly owner: Run;
  readonly step: Step;

  constructor(owner: Run, step: Step) {
    this.owner = owner;
    this.step = step;
  }

  get priority(): number {
    return priorityOf(this.owner, this.step);
  }
}

/** A step that could start now. */
export interface Startable extends Ready {
  readonly kind: 'start';
  readonly owner: Run;
  readonly step: Step;
  /** The first model call, or null: a playbook, or a conversation that goes on with what was recorded and asks by itself. */
  wish: CallWish | null;
  /** Whether it works with a model. */
  readonly onModel: boolean;
}

/** A running step that asks for its next model call. It has given its slot back, and takes one with the call. */
export interface FollowUp extends Ready {
  readonly kind: 'turn';
  readonly owner: Run;
  readonly step: Step;
  readonly attempt: Attempt;
  wish: CallWish;
  readonly isLive: (attempt: Attempt) => boolean;
  /** Sends the job of an attempt that waits for its first call off: with it, or without one when none is made. @default its job has left */
  readonly launch?: (denied: EngineError | null) => void;
  /** How often in a row its reservation was refused. @default 0 */
  refusals?: number;
}

/** Work in the ready queue. */
export type Waiting = Startable | FollowUp;
