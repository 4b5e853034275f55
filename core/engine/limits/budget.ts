/** One purse that model calls are paid from: `tenant`, `module:finance`, `workflow:nightly`, `run:…` or `step:…`. */
interface Purse {
  limitMicroUsd: number;
  reservedMicroUsd: number;
  settledMicroUsd: number;
}

/** A reservation that has to be settled or released. */
export interface Reservation {
  readonly scopes: readonly string[];
  readonly microUsd: number;
}

/**
 * Money for model calls along nested scopes, in integer micro-USD: reserved at a true upper bound before a call, settled to
 * the actual after it. Rows of table `budget` mirror the scopes that several engines share; the flush checks those again.
 */
export class Budget {
  readonly #purses = new Map<string, Purse>();

  /** Opens a scope, or changes its limit. */
  open(
    scope: string,
    limitMicroUsd: number,
    spent: { readonly settledMicroUsd?: number } = {},
  ): void {
    const purse = this.#purses.get(scope);
    if (purse) purse.limitMicroUsd = limitMicroUsd;
    else
      this.#purses.set(scope, {
        limitMicroUsd,
        reservedMicroUsd: 0,
        settledMicroUsd: spent.settledMicroUsd ?? 0,
      });
  }

  /** What is in a purse, or null where none is open. */
  stateOf(scope: string): Readonly<Purse> | null {
    return this.#purses.get(scope) ?? null;
  }

  /** Forgets a scope whose work has ended. */
  close(scope: string): void {
    this.#purses.delete(scope);
  }

  /**
   * The first scope that never could pay, else the first that cannot now, or null. `never`: not even if all that is reserved
   * came back, so waiting would not help.
   */
  blocker(
    scopes: readonly string[],
    microUsd: number,
  ): { readonly scope: string; readonly never: boolean } | null {
    let busy: string | null = null;
    for (const scope of scopes) {
      const purse = this.#purses.get(scope);
      if (!purse) continue;
      const left = purse.limitMicroUsd - purse.settledMicroUsd - microUsd;
      if (left < 0) return { scope, never: true };
      if (left < purse.reservedMicroUsd) busy ??= scope;
    }
    return busy === null ? null : { scope: busy, never: false };
  }

  reserve(scopes: readonly string[], microUsd: number): Reservation {
    for (const purse of this.#of(scopes)) purse.reservedMicroUsd += microUsd;
    return { scopes, microUsd };
  }

  /** Turns a reservation into what was really spent; 0 releases it. More than was reserved is booked all the same. */
  settle(reservation: Reservation, microUsd: number): void {
    for (const purse of this.#of(reservation.scopes)) {
      purse.reservedMicroUsd -= reservation.microUsd;
      purse.settledMicroUsd += microUsd;
    }
  }

  /** What a scope has left, or null for an unknown one. */
  left(scope: string): number | null {
    const purse = this.#purses.get(scope);
    return purse ? purse.limitMicroUsd - purse.settledMicroUsd - purse.reservedMicroUsd : null;
  }

  /** A copy that goes its own way, for looking ahead. */
  fork(): Budget {
    const copy = new Budget();
    for (const [scope, purse] of this.#purses) copy.#purses.set(scope, { ...purse });
    return copy;
  }

  *#of(scopes: readonly string[]): Iterable<Purse> {
    for (const scope of scopes) {
      const purse = this.#purses.get(scope);
      if (purse) yield purse;
    }
  }
}
