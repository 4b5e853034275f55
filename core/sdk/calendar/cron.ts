import { Cron } from 'croner';

/** A cron expression, and the clocks that it goes by. */
export interface CronTiming {
  /** Five fields (minute hour day-of-month month day-of-week) with `L`, `W`, `#`, names and lists, or `@daily` and the like. */
  readonly cron: string;
  /** IANA name, for example `Europe/Berlin`. */
  readonly timeZone: string;
  /** The expression has a sixth field in front, for seconds. @default five fields */
  readonly seconds?: true;
}

// Every expression that ever comes does so within 8 years of this: 29 February does, and no rule goes by years.
const someDay = new Date('2024-01-01T00:00:00Z');
const known = new WeakMap<CronTiming, Cron>();

/**
 * When an expression comes next, strictly after an instant; ms since 1970, or null when it never does.
 *
 * Clocks that change, as Vixie cron has it: an entry without `*` or a step in its seconds, minutes and hours is fixed. Where its time is skipped
 * it comes at the first moment after the gap, where it is shown twice at the first of both. Any other entry comes by the clocks on
 * the wall: not in a gap, and in both passes of a repeated hour.
 * @see https://github.com/Hexagon/croner, README, "DST handling" (`fixedTimeRule: 'no-wildcard'`)
 */
export function nextCron(timing: CronTiming, afterMs: number): number | null {
  // One takes some 30 µs to make and some 50 µs to ask.
  const cron = known.get(timing) ?? cronOf(timing);
  known.set(timing, cron);
  return cron.nextRun(new Date(afterMs))?.getTime() ?? null;
}

/** What is wrong with an expression, of a time zone that there is; null: nothing. */
export function cronFault(timing: CronTiming): string | null {
  const { cron, seconds } = timing;
  const fields = cron.trim().split(/\s+/);
  const wanted = seconds ? 6 : 5;
  // The library takes dates, too; what comes once is no schedule.
  if (fields.length === 1 && !/^@[a-z]+$/i.test(cron.trim()))
    return `'${cron}' is no cron expression; write five fields, for example '0 22 * * MON-FRI', or a nickname such as '@daily'`;
  if (fields.length > 1 && fields.length !== wanted)
    return `'${cron}' has ${fields.length} fields, not ${wanted}; six, with seconds first, are for seconds: true`;
  try {
    if (cronOf(timing).nextRun(someDay)) return null;
    return `'${cron}' never comes`;
  } catch (error) {
    return `'${cron}' cannot be read: ${(error as Error).message.replace(/^CronPattern: |\.$/g, '')}`;
  }
}

function cronOf({ cron, timeZone, seconds }: CronTiming): Cron {
  return new Cron(cron, {
    mode: seconds ? '6-part' : '5-part',
    timezone: timeZone,
    fixedTimeRule: 'no-wildcard',
    paused: true,
  });
}
