import { Keepers } from '../schedule/keepers.ts';
import type { Scheduler } from '../schedule/scheduler.ts';
import type { Waiting } from './waiting.ts';

/** Whether a refusal concerns all calls of a model, whoever makes them. `scope`: the gate or purse that refused. */
function isOfModel(scope: string): boolean {
  return /^(simulated )?model:/.test(scope);
}

/**
 * Models that running steps wait for are theirs: nothing new starts there that what refused them concerns, which is everybody where
 * the model's own limits did, and otherwise their tenant.
 */
export class Kept {
  readonly #keepers = new Keepers<Waiting>();

  /** A running step was refused its next call. */
  keep(item: Waiting, scope: string): void {
    const { model, owner } = item;
    this.#keepers.keep(isOfModel(scope) ? `${model}` : `${model} ${owner.facts.tenantId}`, item);
  }

  /** Whether something new must not start. */
  from({ model, owner }: Pick<Waiting, 'model' | 'owner'>): boolean {
    if (this.#keepers.isEmpty || model === null) return false;
    const keeper =
      this.#keepers.passOver(model) ?? this.#keepers.passOver(`${model} ${owner.facts.tenantId}`);
    return keeper !== undefined;
  }

  /** After a look at the queue: forgets steps whose slots went to others. Returns whether something new may start after all. */
  drop(scheduler: Scheduler<Waiting>): boolean {
    return this.#keepers.drop(scheduler);
  }
}
