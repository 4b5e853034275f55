import { z } from 'zod';
import { isEngineError } from '../../../base/errors.ts';
import type { Calendar } from '../../../sdk/calendar/calendar.ts';
import { checkMoment, nextMoment } from '../../../sdk/calendar/calendar-moment.ts';
import type { CompleteParts } from '../parts.ts';
import { defineRoute, ok, type Route } from '../route.ts';
import { listOf } from '../shapes.ts';

const usualMoments = [
  'FIRST_WORKING_DAY',
  'LAST_WORKING_DAY',
  'BD+1',
  'PERIOD_CLOSE',
  'QUARTER_CLOSE',
  'YEAR_CLOSE',
] as const;
const calendarsQuery = z.strictObject({
  moment: z
    .string()
    .min(1)
    .max(50)
    .optional()
    .meta({ description: 'One moment instead of the usual ones: `BD+2`, `PERIOD_CLOSE-2BD`.' }),
  time: z
    .string()
    .max(5)
    .default('00:00')
    .meta({ description: '`HH:MM`, in the zone of each calendar.' }),
});
const calendarShape = z
  .object({
    name: z.string(),
    companies: z
      .array(z.string())
      .meta({ description: '`*` is every company without one of its own, and the group.' }),
    timeZone: z.string(),
    weekend: z.array(z.string()),
    holidays: z.array(z.looseObject({ kind: z.enum(['once', 'yearly', 'easter', 'weekday']) })),
    fiscalYear: z.looseObject({ kind: z.enum(['months', 'weeks', 'listed']) }),
    next: z
      .array(
        z.object({
          moment: z.string(),
          at: z.iso
            .datetime()
            .nullable()
            .meta({ description: 'Null: it lies behind the last listed period.' }),
        }),
      )
      .meta({ description: 'When each moment comes next.' }),
  })
  .meta({ id: 'Calendar' });

/** `/v1/calendars`: when companies work and close their books; calendars are configuration, and change with a restart. */
export function calendarRoutes({
  registry,
  clock,
}: Pick<CompleteParts, 'registry' | 'clock'>): readonly Route[] {
  return [
    defineRoute({
      method: 'get',
      path: '/v1/calendars',
      summary: 'Lists the calendars of the companies, with their next moments.',
      permission: 'schedules:read',
      query: calendarsQuery,
      answers: { 200: listOf(calendarShape) },
      errors: ['CALENDAR_INVALID'],
      handle: async ({ query: { moment, time } }) => {
        const moments = moment === undefined ? usualMoments : [moment];
        for (const each of moments) checkMoment({ moment: each, time });
        const items = registry.calendars.map((calendar) => {
          const { kind: _, ...shown } = calendar;
          const next = moments.map((each) => ({
            moment: each,
            at: nextOf(calendar, { moment: each, time }, clock.now()),
          }));
          return { ...shown, next };
        });
        return ok({ items, next: null });
      },
    }),
  ];
}

/** Null where the calendar ends before it. */
function nextOf(
  calendar: Calendar,
  moment: Parameters<typeof nextMoment>[1],
  afterMs: number,
): Date | null {
  try {
    return new Date(nextMoment(calendar, moment, afterMs));
  } catch (error) {
    if (isEngineError(error) && error.code === 'CALENDAR_INVALID') return null;
    throw error;
  }
}
