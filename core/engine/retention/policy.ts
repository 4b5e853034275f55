import { EngineError } from '../../base/errors.ts';
import type { Retention } from '../../ports/config.ts';
import type { PayloadClass } from '../journal/rows.ts';

const dayMs = 86_400_000;

/** How long the record of runs is kept, complete; days count from a run's end. */
export interface RetentionPolicy {
  /** Runs with their steps, attempts, entries and the hashes of their bodies. */
  readonly journalDays: number;
  /** Bodies, by class. */
  readonly bodyDays: Readonly<Record<PayloadClass, number>>;
  /** Rows of the feed. */
  readonly feedDays: number;
}

/**
 * What holds where the configuration says nothing.
 *
 * The journal has ids, codes and figures, and shows who asked for which booking: it is kept as long as books are. German law
 * asks for 10 years from the end of the calendar year (§ 147 AO para. 3 and 4, § 257 HGB para. 4 and 5), so a run of January
 * needs 11 years = 4,018 days; Switzerland (Art. 958f OR) asks for 10, SEC rule 17 CFR 210.2-06 for 7 years of audit records.
 *
 * Bodies may hold personal data, and those are kept no longer than their purpose needs (GDPR Art. 5 (1) e). Inputs, outputs
 * and model texts explain a run while people still ask about it: a quarter. The sentence of a finding and the arguments of
 * an effect are looked at again when the year is audited: a year and a month.
 */
const defaults: RetentionPolicy = {
  journalDays: 4_018,
  bodyDays: { input: 90, output: 90, model: 90, finding: 400, effect: 400 },
  feedDays: 7,
};

/** The classes of payloads. */
export const payloadClasses = Object.keys(defaults.bodyDays) as readonly PayloadClass[];

/** Completes what a configuration says. @throws CONFIG_INVALID for a number of days that is none */
export function retentionPolicy(config: Retention = {}): RetentionPolicy {
  const { journalDays = defaults.journalDays, feedDays = defaults.feedDays } = config;
  const bodyDays = { ...defaults.bodyDays, ...config.bodyDays };
  for (const [name, days] of Object.entries({ journalDays, feedDays, ...bodyDays })) {
    if (Number.isInteger(days) && days >= 1 && days <= 36_525) continue;
    throw new EngineError(
      'CONFIG_INVALID',
      `retention: '${name}' is ${days}; give a whole number of days from 1 to 36525 (100 years).`,
    );
  }
  return { journalDays, bodyDays, feedDays };
}

/** The moment that lies `days` before `now`. */
export function daysBefore(now: Date, days: number): Date {
  return new Date(now.getTime() - days * dayMs);
}

/** The moment that lies `days` after `at`. */
export function daysAfter(at: Date, days: number): Date {
  return new Date(at.getTime() + days * dayMs);
}
