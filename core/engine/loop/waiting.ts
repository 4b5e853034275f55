import type { EngineError } from '../../base/errors.ts';
import type { CallWish } from '../limits/broker.ts';
import { priorityOf } from '../run/priority-of.ts';
import type { Run } from '../run/run.ts';
import type { Step } from '../run/step.ts';
import type { Ready } from '../schedule/ready.ts';
import type { Attempt } from './attempt.ts';

/** What work in the queue is named with, whichever it is. */
type Named = Pick<Work, 'owner' | 'step' | 'service' | 'module' | 'model' | 'readyAt' | 'order'>;

/**
 * Work that waits. Its priority is its run's to change: it is looked up at each look. A line of the queue is of
 * one run, so all in it move alike and its order stays.
 */
abstract class Work implements Ready {
  readonly owner: Run;
  readonly step: Step;
  readonly service: Ready['service'];
  readonly run: string;
  readonly module: string;
  readonly model: string | null;
  readonly readyAt: number;
  readonly order: number;

  constructor({ owner, step, service, module, model, readyAt, order }: Named) {
    this.owner = owner;
    this.step = step;
    this.service = service;
    this.run = owner.facts.id;
    this.module = module;
    this.model = model;
    this.readyAt = readyAt;
    this.order = order;
  }

  get priority(): number {
    return priorityOf(this.owner, this.step);
  }
}

/** A step that could start now. */
export class Startable extends Work {
  readonly kind = 'start';
  /** The first model call, or null: a playbook, or a conversation that goes on with what was recorded and asks by itself. */
  wish: CallWish | null;
  /** Whether it works with a model. */
  readonly onModel: boolean;
  readonly erp: boolean;

  constructor(named: Named, { wish, onModel, erp }: Pick<Startable, 'wish' | 'onModel' | 'erp'>) {
    super(named);
    this.wish = wish;
    this.onModel = onModel;
    this.erp = erp;
  }
}

/** A running step that asks for its next model call. It has given its slot back, and takes one with the call. */
export class FollowUp extends Work {
  readonly kind = 'turn';
  readonly attempt: Attempt;
  wish: CallWish;
  readonly isLive: (attempt: Attempt) => boolean;
  /** Sends the job of an attempt that waits for its first call off: with it, or without one when none is made; undefined: its job has left. */
  readonly launch: ((denied: EngineError | null) => void) | undefined;
  /** How often in a row its reservation was refused. */
  refusals = 0;

  constructor(
    named: Named,
    { attempt, wish, isLive, launch }: Pick<FollowUp, 'attempt' | 'wish' | 'isLive' | 'launch'>,
  ) {
    super(named);
    this.attempt = attempt;
    this.wish = wish;
    this.isLive = isLive;
    this.launch = launch;
  }
}

/** Work in the ready queue. */
export type Waiting = Startable | FollowUp;
