import { z } from 'zod';
import type { CronTiming } from './calendar/cron.ts';
import type { Workflow } from './workflow.ts';

/** A day of each period of a fiscal calendar, at a time of day. */
export interface MomentTiming {
  /** `BD+1`, `PERIOD_CLOSE-2BD` …: docs/calendar.md. */
  readonly moment: string;
  /** `HH:MM`, in the calendar's time zone. */
  readonly time: string;
  /** Name of the calendar. @default the schedule's */
  readonly calendar?: string;
}

/** When a schedule comes due: by the clock, or by a company's calendar. */
export type Timing = CronTiming | MomentTiming;

/** What becomes of a slot that comes due while runs of earlier ones go on. */
export type Overlap = 'skip' | 'queue' | 'cancel_running' | 'allow';

/** What becomes of slots that came due while nobody looked. */
export interface CatchUp {
  /** All of them start, the last alone, or none. @default 'last' */
  readonly which: 'all' | 'last' | 'none';
  /** Older ones do not start any more, milliseconds. @default 21600000 (6 h) */
  readonly windowMs: number;
  /** Those whose period the ERP has locked since. @default 'skip' */
  readonly lockedPeriod: 'skip' | 'run';
}

/** Days on which a schedule does not come due: a date, or days of its calendar. */
export type Exclusion = string;

/** When a workflow starts by itself: data, checked when the engine loads it. */
export interface Schedule {
  readonly kind: 'schedule';
  /** Lower snake case; unique in an installation. */
  readonly name: string;
  readonly workflow: string;
  readonly input: unknown;
  /** What its runs are for, in words; null: what its workflow says. */
  readonly goal: string | null;
  readonly when: readonly Timing[];
  /** Code of the company that its runs are for; null: the group. */
  readonly company: string | null;
  /** Name of the calendar; null: the company's, else that of `*`. */
  readonly calendar: string | null;
  readonly overlap: Overlap;
  readonly catchUp: CatchUp;
  readonly jitterMs: number;
  readonly pauseOnFailure: boolean;
  /** Slots from here on; null: since it is known. */
  readonly startAt: string | null;
  /** Slots before this; null: for ever. */
  readonly endAt: string | null;
  readonly exclude: readonly Exclusion[];
  readonly window: { readonly deadline: string } | null;
  readonly businessDate: 'day' | 'previous_day' | 'previous_business_day';
  readonly priority: number | null;
}

/** A schedule as an author writes it. */
export interface ScheduleDeclaration<I extends z.ZodType = z.ZodType> {
  readonly name: string;
  /** The workflow, or its name. */
  readonly workflow: Workflow<I> | string;
  /** @default {} */
  readonly input?: z.input<I>;
  /** What its runs are for, in words, at most 500 characters. @default what its workflow says */
  readonly goal?: string;
  /** Where several name the same instant, it is one slot. */
  readonly when: Timing | readonly Timing[];
  /** Code of the company that its runs are for. @default the group */
  readonly company?: string;
  /** Name of the calendar that moments, holidays and periods come from. @default the company's, else that of `*` */
  readonly calendar?: string;
  /**
   * `skip`: the slot is left out. `queue`: it starts when the earlier ones have ended. `cancel_running`: they are cancelled, then
   * it starts. `allow`: it starts beside them. @default 'skip'
   */
  readonly overlap?: Overlap;
  /** @default the last of those that were missed, within 6 hours, unless its period is locked */
  readonly catchUp?: Partial<CatchUp>;
  /** Each slot starts up to this much later, by a hash of tenant, schedule and slot. At most an hour, milliseconds. @default 0 */
  readonly jitterMs?: number;
  /** A run of it that fails pauses it. @default false */
  readonly pauseOnFailure?: boolean;
  /** RFC 3339 instants with an offset: slots from the one on, and before the other. */
  readonly startAt?: string;
  readonly endAt?: string;
  /** Days without a slot: `2026-12-24`, and `weekends` and `holidays` of the calendar. @default none */
  readonly exclude?: readonly (`${number}-${number}-${number}` | 'weekends' | 'holidays')[];
  /**
   * `HH:MM`: when the slot's night ends, by its clocks: what has not started by then does not start, and a run that goes on is cancelled.
   * Triggers and backfills have no end. @default it has no end
   */
  readonly window?: { readonly deadline: string };
  /** What "today" means to a run, by the day of its slot. @default 'day' */
  readonly businessDate?: Schedule['businessDate'];
  /** 1 to 10. @default 5 */
  readonly priority?: number;
}

/**
 * What a run is told of its slot, as `slot` of its input, if its workflow's input takes one:
 * `input: z.object({ slot: slotInput.optional() })`.
 */
export const slotInput: z.ZodObject<{
  schedule: z.ZodString;
  at: z.ZodISODateTime;
  businessDate: z.ZodISODate;
  timeZone: z.ZodString;
  period: z.ZodNullable<z.ZodString>;
  previousPeriod: z.ZodNullable<z.ZodString>;
  deadlineAt: z.ZodNullable<z.ZodISODateTime>;
}> = z.object({
  schedule: z.string(),
  /** When it was due, whenever it runs. */
  at: z.iso.datetime(),
  businessDate: z.iso.date(),
  timeZone: z.string(),
  /** Code of the fiscal period that the business date lies in, and of the one before; null where no calendar has one. */
  period: z.string().nullable(),
  previousPeriod: z.string().nullable(),
  /** When its window ends. */
  deadlineAt: z.iso.datetime().nullable(),
});

/** Six hours: a night that could not begin at 22:00 still may at 4 in the morning, and not when people come to work. */
const usualWindowMs = 6 * 3_600_000;

/** Declares a schedule; what is left out gets its default. It is validated when the engine loads it. */
export function defineSchedule<I extends z.ZodType>(schedule: ScheduleDeclaration<I>): Schedule {
  const { workflow, when, catchUp, ...rest } = schedule;
  return Object.freeze({
    kind: 'schedule',
    input: {},
    goal: null,
    company: null,
    calendar: null,
    overlap: 'skip',
    jitterMs: 0,
    pauseOnFailure: false,
    startAt: null,
    endAt: null,
    exclude: [],
    window: null,
    businessDate: 'day',
    priority: null,
    ...rest,
    workflow: typeof workflow === 'string' ? workflow : workflow.name,
    when: Array.isArray(when) ? when : [when],
    catchUp: { which: 'last', windowMs: usualWindowMs, lockedPeriod: 'skip', ...catchUp },
  });
}

/** Whether it goes by the clock. */
export function isCron(timing: Timing): timing is CronTiming {
  return 'cron' in timing;
}

/** `0 22 * * * Europe/Berlin, PERIOD_CLOSE-2BD 18:00`: when a schedule comes due, as people read it. */
export function describeTimings({ when }: Pick<Schedule, 'when'>): string {
  return when
    .map((timing) =>
      isCron(timing)
        ? `${timing.cron} ${timing.timeZone}`
        : [timing.moment, timing.time, timing.calendar].filter(Boolean).join(' '),
    )
    .join(', ');
}
