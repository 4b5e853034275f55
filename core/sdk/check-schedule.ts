import { z } from 'zod';
import { isEngineError } from '../base/errors.ts';
import { isTimeZone } from '../base/zoned-time.ts';
import type { Calendar } from './calendar/calendar.ts';
import { checkMoment } from './calendar/calendar-moment.ts';
import { cronFault } from './calendar/cron.ts';
import { calendarOf } from './calendar/occurrences.ts';
import { invalid } from './check-module.ts';
import { goalSchema } from './goal.ts';
import type { Module } from './module.ts';
import { isCron, type Schedule, type slotInput } from './schedule.ts';
import type { Workflow } from './workflow.ts';

/** A schedule as the engine knows it; `module` is null for one that the configuration declares. */
export interface RegisteredSchedule {
  readonly module: string | null;
  readonly schedule: Schedule;
  /** Whether its workflow's input takes what a run is told of its slot. */
  readonly takesSlot: boolean;
}

const zoneMessage = 'must be an IANA time zone, for example Europe/Berlin';
// An offset such as +02:00 is known to the runtime, too, but keeps no clocks.
const zone = z
  .string({ error: zoneMessage })
  .refine((name) => /^[A-Za-z]/.test(name) && isTimeZone(name), zoneMessage);
const cronSchema = z.strictObject({
  cron: z.string(),
  timeZone: zone,
  seconds: z.literal(true).optional(),
});
const momentSchema = z.strictObject({
  moment: z.string(),
  time: z.string(),
  calendar: z.string().optional(),
});
const time = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be HH:MM, for example 06:00');
const instant = z.iso.datetime({
  offset: true,
  error: 'must be an instant with its offset, for example 2026-07-01T00:00:00+02:00',
});
const positive = z.int().positive();
const scheduleSchema = z.strictObject({
  kind: z.literal('schedule'),
  name: z
    .string()
    .max(64)
    .regex(/^[a-z][a-z0-9_]*$/, 'must be lower snake case'),
  workflow: z.string(),
  input: z.unknown(),
  goal: goalSchema.nullable(),
  when: z
    .array(z.unknown())
    .min(1, 'names no time: write { cron, timeZone } or { moment, time }')
    .max(50),
  company: z.string().min(1).nullable(),
  calendar: z.string().nullable(),
  overlap: z.enum(['skip', 'queue', 'cancel_running', 'allow']),
  catchUp: z.strictObject({
    which: z.enum(['all', 'last', 'none']),
    windowMs: positive.max(31 * 86_400_000, 'must be at most 31 days'),
    lockedPeriod: z.enum(['skip', 'run']),
  }),
  jitterMs: z.int().nonnegative().max(3_600_000, 'must be at most an hour'),
  pauseOnFailure: z.boolean(),
  startAt: instant.nullable(),
  endAt: instant.nullable(),
  exclude: z.array(z.union([z.enum(['weekends', 'holidays']), z.iso.date()])).max(1_000),
  window: z.strictObject({ deadline: time }).nullable(),
  businessDate: z.enum(['day', 'previous_day', 'previous_business_day']),
  priority: z.int().min(1).max(10).nullable(),
});

/** What schedules are checked against. */
export interface ScheduleSurroundings {
  readonly modules: readonly Module[];
  readonly schedules: readonly Schedule[];
  readonly calendars: readonly Calendar[];
  /** By name. */
  readonly workflows: ReadonlyMap<string, { readonly workflow: Workflow }>;
}

/** Every schedule of the modules and the configuration, by name, checked. @throws MODULE_INVALID naming schedule and field */
export function recordSchedules(
  around: ScheduleSurroundings,
): ReadonlyMap<string, RegisteredSchedule> {
  const declared = [
    ...around.modules.flatMap(({ name, schedules }) =>
      schedules.map((schedule) => ({ module: name as string | null, schedule })),
    ),
    ...around.schedules.map((schedule) => ({ module: null, schedule })),
  ];
  const recorded = new Map<string, RegisteredSchedule>();
  for (const { module, schedule } of declared) {
    const fail = (what: string) =>
      invalid(module ?? 'tutti.config.ts', `schedule '${schedule?.name}'`, what);
    if (recorded.has(schedule?.name)) throw fail('is declared twice; rename one.');
    const fault = faultOf(schedule, around);
    if (fault !== null) throw fail(`${fault}.`);
    const takesSlot = inputFault(schedule, around, { slot: anySlot }) === null;
    recorded.set(schedule.name, { module, schedule, takesSlot });
  }
  return recorded;
}

function faultOf(schedule: Schedule, around: ScheduleSurroundings): string | null {
  const parsed = scheduleSchema.safeParse(schedule);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return `has a field '${issue?.path.join('.') || 'declaration'}' that ${issue?.message}`;
  }
  const { startAt, endAt, workflow } = schedule;
  if (startAt !== null && endAt !== null && Date.parse(endAt) <= Date.parse(startAt))
    return 'ends before it starts';
  if (!around.workflows.has(workflow))
    return `starts '${workflow}', which is no workflow of a loaded module or of the configuration`;
  return timingFault(schedule, around.calendars) ?? inputFault(schedule, around, {});
}

function timingFault(schedule: Schedule, calendars: readonly Calendar[]): string | null {
  for (const [index, timing] of schedule.when.entries()) {
    const schema = timing !== null && isCron(Object(timing)) ? cronSchema : momentSchema;
    const issue = schema.safeParse(timing).error?.issues[0];
    if (issue)
      return `has a field '${['when', index, ...issue.path].join('.')}' that ${issue.message}`;
    const fault = isCron(timing) ? cronFault(timing) : momentFault(schedule, calendars, index);
    if (fault !== null) return `has a time that cannot be: ${fault}`;
  }
  const needsCalendar =
    schedule.calendar !== null ||
    schedule.businessDate === 'previous_business_day' ||
    schedule.exclude.some((each) => each === 'weekends' || each === 'holidays');
  return needsCalendar ? reasonOf(() => calendarOf(schedule, calendars)) : null;
}

function momentFault(
  schedule: Schedule,
  calendars: readonly Calendar[],
  index: number,
): string | null {
  return reasonOf(() => {
    const timing = schedule.when[index];
    if (timing === undefined || isCron(timing)) return;
    checkMoment(timing);
    calendarOf(schedule, calendars, timing.calendar);
  });
}

function reasonOf(check: () => void): string | null {
  try {
    check();
    return null;
  } catch (error) {
    if (isEngineError(error)) return error.message.replace(/\.$/, '');
    throw error;
  }
}

const anySlot: z.output<typeof slotInput> = {
  ...{ schedule: 'a', at: '2026-06-30T20:00:00.000Z', businessDate: '2026-06-30' },
  ...{ timeZone: 'UTC', period: '2026-06', previousPeriod: '2026-05', deadlineAt: null },
};

function inputFault(
  { workflow, input }: Schedule,
  { workflows }: ScheduleSurroundings,
  more: Readonly<Record<string, unknown>>,
): string | null {
  const parsed = workflows.get(workflow)?.workflow.input.safeParse({ ...Object(input), ...more });
  const issue = parsed?.error?.issues[0];
  return issue
    ? `gives '${workflow}' an input that it does not take: ${issue.path.join('.') || 'input'}: ${issue.message}`
    : null;
}
