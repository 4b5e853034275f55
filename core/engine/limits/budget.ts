import { daylessName, isDaily, isShared, isTenants } from './purse.ts';

/** Money in a purse, micro-USD. */
interface Held {
  readonly reservedMicroUsd: number;
  readonly settledMicroUsd: number;
}

/** One purse that model calls are paid from: `tenant`, `module:finance`, `workflow:nightly`, `run:…` or `step:…`. */
interface Purse {
  /** Infinite while it is not open: it stands in nobody's way. */
  limitMicroUsd: number;
  /** What its row held after the last flush, of all engines; of a purse without a row, what it was opened with. */
  row: Held;
  /** What was moved here and by no flush yet. */
  due: { reservedMicroUsd: number; settledMicroUsd: number };
  /** What of all that is reserved is this engine's. */
  ownMicroUsd: number;
  /** Whether its limit was moved here since the last flush: what that says of it may be older. */
  isMoved: boolean;
}

/** A reservation that has to be settled or released. */
export interface Reservation {
  readonly scopes: readonly string[];
  readonly microUsd: number;
}

/** What a flush has moved of a shared purse, and what its row holds since; null where nobody knows. */
export interface MovedPurse extends Held {
  readonly name: string;
  readonly row: (Held & { readonly limitMicroUsd: number }) | null;
}

/**
 * Money for model calls along nested scopes, in integer micro-USD: reserved at a true upper bound before a call, settled to
 * the actual after it. Several engines share some of the purses, as rows of table `budget`: each flush that moves money of one says
 * what it holds since, so what others reserve may come back here, too, and only what they have spent is gone. The flush
 * itself checks those rows, so what is not known here yet costs a refusal and no money.
 */
export class Budget {
  readonly #purses = new Map<string, Purse>();
  /** The purses of tenants, whatever the day: every run opens that of each day, so that one which is not open is about to be. */
  readonly #dayless = new Set<string>();
  /** The purses of days that calls were asked to be paid from, and that are not open; null: nobody opens what is missing. */
  readonly #missing: Set<string> | null;

  /** `isTended`: somebody opens what is `missing`, and until then it cannot pay. @default false */
  constructor({ isTended = false }: { readonly isTended?: boolean } = {}) {
    this.#missing = isTended ? new Set() : null;
  }

  /** Names of the daily purses that a call would be paid from and that are not open; each is told once. */
  takeMissing(): readonly string[] {
    const missing = [...(this.#missing ?? [])].filter((name) => this.left(name) === null);
    this.#missing?.clear();
    return missing;
  }

  /** Opens a scope with what is reserved and settled in it, or changes its limit. */
  open(scope: string, limitMicroUsd: number, spent: Partial<Held> = {}): void {
    const purse = this.#purses.get(scope);
    if (purse && isOpen(purse)) {
      purse.isMoved ||= purse.limitMicroUsd !== limitMicroUsd;
      purse.limitMicroUsd = limitMicroUsd;
      return;
    }
    const { reservedMicroUsd = 0, settledMicroUsd = 0 } = spent;
    const opened = purse ?? emptyPurse();
    opened.limitMicroUsd = limitMicroUsd;
    opened.row = { reservedMicroUsd, settledMicroUsd };
    this.#purses.set(scope, opened);
    if (isTenants(scope)) this.#dayless.add(daylessName(scope));
  }

  /** What is in a purse, or null where none is open. */
  stateOf(scope: string): (Held & { readonly limitMicroUsd: number }) | null {
    const purse = this.#purses.get(scope);
    if (!purse || !isOpen(purse)) return null;
    return {
      limitMicroUsd: purse.limitMicroUsd,
      reservedMicroUsd: reservedIn(purse),
      settledMicroUsd: settledIn(purse),
    };
  }

  /** Forgets a scope whose work has ended. */
  close(scope: string): void {
    this.#purses.delete(scope);
  }

  /** Forgets the shared purses of all days before one (`YYYY-MM-DD`), but for those of which money is on its way. */
  closeBefore(period: string): void {
    for (const [scope, { due, ownMicroUsd }] of this.#purses) {
      // Names begin with their day, so those of the days before sort before it.
      if (!isShared(scope) || scope >= period) continue;
      const isMoving = due.reservedMicroUsd !== 0 || due.settledMicroUsd !== 0;
      if (!isMoving && ownMicroUsd === 0) this.#purses.delete(scope);
    }
  }

  /**
   * The first scope that never could pay, else the first that cannot now, or null. `never`: not even if all that is reserved
   * came back, so waiting would not help. One that is about to be opened cannot pay now: that of a day which has begun, or of a module that has come to
   * take a step over.
   */
  blocker(
    scopes: readonly string[],
    microUsd: number,
  ): { readonly scope: string; readonly never: boolean } | null {
    let busy: string | null = null;
    for (const scope of scopes) {
      const purse = this.#purses.get(scope);
      if (!purse || !isOpen(purse)) {
        if (this.#isAwaited(scope)) busy ??= scope;
        continue;
      }
      const left = purse.limitMicroUsd - settledIn(purse) - microUsd;
      if (left < 0) return { scope, never: true };
      if (left < reservedIn(purse)) busy ??= scope;
    }
    return busy === null ? null : { scope: busy, never: false };
  }

  reserve(scopes: readonly string[], microUsd: number): Reservation {
    for (const scope of scopes) {
      const purse = this.#purse(scope);
      if (!purse) continue;
      purse.due.reservedMicroUsd += microUsd;
      purse.ownMicroUsd += microUsd;
    }
    return { scopes, microUsd };
  }

  /** Takes over what an engine that is gone has reserved: it is in the rows of shared purses already. */
  inherit(scopes: readonly string[], microUsd: number): Reservation {
    for (const scope of scopes) {
      if (!isShared(scope)) this.reserve([scope], microUsd);
      else (this.#purse(scope) as Purse).ownMicroUsd += microUsd;
    }
    return { scopes, microUsd };
  }

  /** Turns a reservation into what was really spent; 0 releases it. More than was reserved is booked all the same. */
  settle(reservation: Reservation, microUsd: number): void {
    for (const scope of reservation.scopes) {
      const purse = this.#purse(scope);
      if (!purse) continue;
      purse.due.reservedMicroUsd -= reservation.microUsd;
      purse.due.settledMicroUsd += microUsd;
      purse.ownMicroUsd -= reservation.microUsd;
    }
  }

  /** Hears of a flush, in the order of flushes. */
  flushed({ name, reservedMicroUsd, settledMicroUsd, row }: MovedPurse): void {
    const purse = this.#purse(name);
    if (!purse) return;
    const { due } = purse;
    due.reservedMicroUsd -= reservedMicroUsd;
    due.settledMicroUsd -= settledMicroUsd;
    purse.row = row ?? {
      reservedMicroUsd: purse.row.reservedMicroUsd + reservedMicroUsd,
      settledMicroUsd: purse.row.settledMicroUsd + settledMicroUsd,
    };
    if (row && isOpen(purse) && !purse.isMoved) purse.limitMicroUsd = row.limitMicroUsd;
    purse.isMoved = false;
  }

  /** Whether other engines hold money of a purse that may come back. */
  isHeldByOthers(scope: string): boolean {
    const purse = this.#purses.get(scope);
    return purse !== undefined && reservedIn(purse) > purse.ownMicroUsd;
  }

  /** What a scope has left, or null for an unknown one. */
  left(scope: string): number | null {
    const state = this.stateOf(scope);
    return state ? state.limitMicroUsd - state.settledMicroUsd - state.reservedMicroUsd : null;
  }

  /** A copy that goes its own way, for looking ahead. */
  fork(): Budget {
    const copy = new Budget({ isTended: this.#missing !== null });
    for (const name of this.#dayless) copy.#dayless.add(name);
    for (const [scope, purse] of this.#purses)
      copy.#purses.set(scope, { ...purse, due: { ...purse.due } });
    return copy;
  }

  /** Whether a purse that is not open will be. */
  #isAwaited(scope: string): boolean {
    if (!this.#missing || !isDaily(scope)) return this.#dayless.has(daylessName(scope));
    this.#missing.add(scope);
    return true;
  }

  /** The purse of a scope; a shared one that is not open, too, for flushes move its row all the same. */
  #purse(scope: string): Purse | undefined {
    const known = this.#purses.get(scope);
    if (known || !isShared(scope)) return known;
    const purse = emptyPurse();
    this.#purses.set(scope, purse);
    return purse;
  }
}

function emptyPurse(): Purse {
  return {
    limitMicroUsd: Number.POSITIVE_INFINITY,
    row: { reservedMicroUsd: 0, settledMicroUsd: 0 },
    due: { reservedMicroUsd: 0, settledMicroUsd: 0 },
    ownMicroUsd: 0,
    isMoved: false,
  };
}

function isOpen({ limitMicroUsd }: Purse): boolean {
  return limitMicroUsd !== Number.POSITIVE_INFINITY;
}

function reservedIn({ row, due }: Purse): number {
  return row.reservedMicroUsd + due.reservedMicroUsd;
}

function settledIn({ row, due }: Purse): number {
  return row.settledMicroUsd + due.settledMicroUsd;
}
