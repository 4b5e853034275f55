import { isDaily, purseName, type SharedPurse, sharedPurse } from './purse.ts';

/** Share of a budget from which a warning is recorded where the configuration says no other. */
export const usualWarnAt = 0.8;

/** What is in a purse. */
export interface PurseState {
  readonly limitMicroUsd: number;
  readonly reservedMicroUsd: number;
  readonly settledMicroUsd: number;
}

/** A shared purse that has passed its warning mark. */
export interface BudgetWarning extends SharedPurse {
  readonly limitMicroUsd: number;
  /** Settled and reserved, of the limit; 1: all of it. */
  readonly share: number;
}

/**
 * Notices when purses pass the warning mark, each once a day as far as this engine goes; whoever claims the purse's row
 * (purse-rows.ts) is the first of all engines, and tells. Asked after every grant and settlement: two look-ups a purse.
 */
export class Warnings {
  readonly #warnAt: number;
  readonly #noticed = new Set<string>();

  /** @default warnAt 0.8 */
  constructor(warnAt = usualWarnAt) {
    this.#warnAt = warnAt;
  }

  /** The shared purses among `names` (see purse.ts) that have passed and were not noticed before. */
  passed(
    names: readonly string[],
    stateOf: (name: string) => PurseState | null,
  ): readonly BudgetWarning[] {
    const warnings: BudgetWarning[] = [];
    for (const name of names) {
      if (!isDaily(name) || this.#noticed.has(name)) continue;
      const state = stateOf(name);
      if (!state || !hasPassed(state, this.#warnAt)) continue;
      const purse = sharedPurse(name) as SharedPurse;
      this.notice(purse);
      warnings.push(warningOf(purse, state));
    }
    return warnings;
  }

  /** A purse that has passed, as somebody else has found out. */
  notice(purse: SharedPurse): void {
    // Names begin with their day, so the days before sort before it.
    for (const each of this.#noticed) if (each < purse.period) this.#noticed.delete(each);
    this.#noticed.add(purseName(purse));
  }

  /** Of a purse by its name. */
  hasNoticed(name: string): boolean {
    return this.#noticed.has(name);
  }

  /** As if it had not been noticed: telling of it has failed. */
  forget(purse: SharedPurse): void {
    this.#noticed.delete(purseName(purse));
  }
}

/** What a run's journal says about a purse that has passed. */
export function warningEntry({ scope, share, limitMicroUsd }: BudgetWarning): {
  readonly kind: 'budget.warned';
  readonly data: Readonly<Record<string, unknown>>;
} {
  return { kind: 'budget.warned', data: { scope, share, limitMicroUsd } };
}

/** A warning about a purse as it is now. */
export function warningOf(purse: SharedPurse, state: PurseState): BudgetWarning {
  const { tenantId, scope, period } = purse;
  return {
    tenantId,
    scope,
    period,
    limitMicroUsd: state.limitMicroUsd,
    share: shareOf(state),
  };
}

/** Settled and reserved of a purse, of its limit; a purse without money counts as used up. */
export function shareOf({ limitMicroUsd, reservedMicroUsd, settledMicroUsd }: PurseState): number {
  return limitMicroUsd === 0 ? 1 : (reservedMicroUsd + settledMicroUsd) / limitMicroUsd;
}

/** From which sum on a purse has passed: whole micro-USD, and never nothing. */
function markMicroUsd(limitMicroUsd: number, warnAt: number): number {
  return Math.max(1, Math.ceil(limitMicroUsd * warnAt));
}

function hasPassed(state: PurseState, warnAt: number): boolean {
  const used = state.reservedMicroUsd + state.settledMicroUsd;
  return used >= markMicroUsd(state.limitMicroUsd, warnAt);
}
