import type { Refusal } from '../limits/broker.ts';
import { Keepers } from '../schedule/keepers.ts';
import type { Scheduler } from '../schedule/scheduler.ts';
import type { Waiting } from './waiting.ts';

/** Whether a refusal concerns all calls of a model, whoever makes them. `scope`: the gate or purse that refused. */
function isOfModel(scope: string): boolean {
  return /^(simulated )?model:/.test(scope);
}

const unattended = (name: string): string => `unattended ${name}`;

/**
 * Models that running steps wait for are theirs: nothing new starts there that what refused them concerns, which is everybody where
 * the model's own limits did, and otherwise their tenant. What only head-room keeps from one that nobody waits for, is kept from its like.
 */
export class Kept {
  readonly #keepers = new Keepers<Waiting>();

  /** A running step was refused its next call. */
  keep(item: Waiting, { scope, blocker }: Pick<Refusal, 'scope' | 'blocker'>): void {
    const { model, owner } = item;
    const name = isOfModel(scope) ? `${model}` : `${model} ${owner.facts.tenantId}`;
    this.#keepers.keep(blocker === 'headroom' ? unattended(name) : name, item);
  }

  /** Whether something new must not start. */
  from({ model, owner }: Pick<Waiting, 'model' | 'owner'>): boolean {
    if (this.#keepers.isEmpty || model === null) return false;
    const names = [model, `${model} ${owner.facts.tenantId}`];
    const all = owner.facts.attended ? names : [...names, ...names.map(unattended)];
    return all.some((name) => this.#keepers.passOver(name) !== undefined);
  }

  /** After a look at the queue: forgets steps whose slots went to others. Returns whether something new may start after all. */
  drop(scheduler: Scheduler<Waiting>): boolean {
    return this.#keepers.drop(scheduler);
  }
}
