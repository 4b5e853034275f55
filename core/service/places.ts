import { EngineError } from '../base/errors.ts';

/** Who takes a place. */
export interface Guest {
  readonly tenantId: number;
  /** Tells the callers of a tenant apart. */
  readonly caller: string;
}

/**
 * Places that many share and some hold for long. A tenant may hold as many as are free after it, and a caller of it as many as its tenant
 * may then still take: alone they come to a half and a quarter. Whoever comes later finds half as many, whoever they are of.
 */
export class Places {
  readonly #most: number;
  readonly #taken = new Map<string, number>();
  #open = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Takes a place; the answer gives it back. @throws RATE_LIMITED with `refusal` */
  take({ tenantId, caller }: Guest, refusal: string): () => void {
    const free = this.#most - this.#open;
    const names = [`${tenantId}`, `${tenantId} ${caller}`] as const;
    const [ofTenant, ofCaller] = names.map((name) => this.#taken.get(name) ?? 0) as [
      number,
      number,
    ];
    // Of `free - ofTenant` places its tenant may take every other one: each that it takes is free no more.
    if (ofCaller * 2 >= free - ofTenant) throw new EngineError('RATE_LIMITED', refusal);
    this.#change(names, 1);
    return () => this.#change(names, -1);
  }

  #change(names: readonly string[], by: 1 | -1): void {
    this.#open += by;
    for (const name of names) {
      const taken = (this.#taken.get(name) ?? 0) + by;
      if (taken === 0) this.#taken.delete(name);
      else this.#taken.set(name, taken);
    }
  }
}
