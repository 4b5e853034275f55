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
  readonly #names = new Set<string>();

  /** A running step was refused its next call. */
  keep({ model, owner }: Waiting, scope: string): void {
    this.#names.add(isOfModel(scope) ? `${model}` : `${model} ${owner.facts.tenantId}`);
  }

  /** Whether something new must not start. */
  from({ model, owner }: Pick<Waiting, 'model' | 'owner'>): boolean {
    if (this.#names.size === 0 || model === null) return false;
    return this.#names.has(model) || this.#names.has(`${model} ${owner.facts.tenantId}`);
  }
}
