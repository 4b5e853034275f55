import { Decimal, defineAgent, Id, type Severity, z } from 'tutti';
import { hoursOfDay } from '../deviation.ts';
import { Tally } from '../tally.ts';
import { listQueries } from '../tools/list-queries.ts';
import { listSchedules } from '../tools/list-schedules.ts';
import { listTimesheets } from '../tools/list-timesheets.ts';
import { proposeQuery, type QueryReason } from '../tools/propose-query.ts';

type Reason = z.infer<typeof QueryReason>;
type Sheet = z.infer<typeof listTimesheets.result>['timesheets'][number];
type Day = Sheet['deviations'][number];

interface Exception {
  readonly reason: Reason;
  readonly week: string;
  readonly employee: string;
  readonly records: readonly {
    readonly entity: 'timesheet' | 'leave' | 'employee';
    readonly id: string;
  }[];
  readonly summary: string;
  readonly evidence: Readonly<Record<string, string | number>>;
}

const severities: Readonly<Record<Reason, Severity>> = {
  impossible_day: 'high',
  on_leave: 'high',
  holiday: 'medium',
  over_maximum: 'medium',
  overlap: 'medium',
  not_submitted: 'low',
  missing: 'medium',
};

/** Finds hours that cannot be right. */
export const timesheetExceptions = defineAgent({
  name: 'timesheet_exceptions',
  purpose:
    "Finds hours in a department's timesheets that cannot be right or lack an approval, and timesheets that are due.",
  input: z.object({ department: Id('department') }),
  output: Tally,
  model: 'fast',
  priority: 6,
  critical: false,
  limits: { timeoutMs: 120_000, turns: 10, costMicroUsd: 300_000 },
  tools: { listTimesheets, listSchedules, listQueries, proposeQuery },
  findings: {
    'timesheet.impossible_day': 'A day has more than 24 hours of work.',
    'timesheet.on_leave': 'Work is booked on a day of an approved leave.',
    'timesheet.holiday': 'Work on a public holiday has no approval.',
    'timesheet.over_maximum': 'A day exceeds the daily maximum without an approval.',
    'timesheet.overlap': 'Two lines of work overlap in time.',
    'timesheet.not_submitted': 'The timesheet of a complete week is still a draft.',
    'timesheet.missing': 'An employee has no timesheet for a week in which one is due.',
  },
  instructions: `1. Call hr.timesheet.list, hr.schedule.list and hr.query.list once each with the department.
2. Report timesheet.not_submitted for each timesheet with status draft, and nothing else for it. In every other timesheet each day of its deviations gets the first kind that applies, at most one:
- timesheet.impossible_day: hours above ${hoursOfDay}.
- timesheet.on_leave: leave is not null.
- timesheet.holiday: holiday is true and approved is false.
- timesheet.over_maximum: approved is false and hours above the employee's dailyMaximum; equal is in order.
Beside its days, report timesheet.overlap when overlaps is true.
3. Report timesheet.missing once for each employee with at least one of owedWeeks for which no timesheet of theirs is listed, whatever its status.
Records: [timesheet, leave] for timesheet.on_leave, [employee] for timesheet.missing, else [timesheet]; one finding for each kind and set of records, however many days show it. Company: the employee's. Severity: high for impossible_day and on_leave, low for not_submitted, else medium. No amount.
4. For each finding call hr.query.propose with the employee, the week (for timesheet.missing the earliest) and the part of the kind after the dot as reason, unless hr.query.list has these three already.
Answer with checked = timesheets listed, flagged = findings, exposure = [].
Name people by number only.`,
}).playbook(async ({ input, tools, finding }) => {
  const [{ timesheets }, { employees }, { queries }] = await Promise.all([
    tools.listTimesheets(input),
    tools.listSchedules(input),
    tools.listQueries(input),
  ]);
  const byId = new Map<string, (typeof employees)[number]>(
    employees.map((each) => [each.id, each]),
  );
  const exceptions = [
    ...timesheets.flatMap((sheet) =>
      exceptionsOf(sheet, byId.get(sheet.employee)?.dailyMaximum ?? hoursOfDay),
    ),
    ...employees.flatMap((employee) => missingOf(employee, timesheets)),
  ];
  for (const { reason, week, employee, records, summary, evidence } of exceptions) {
    const owner = byId.get(employee);
    finding({
      kind: `timesheet.${reason}`,
      severity: severities[reason],
      records,
      ...(owner && { company: owner.company }),
      summary,
      evidence: { employee: owner?.number ?? '', week, ...evidence },
    });
    const asked = queries.some(
      (each) => each.employee === employee && each.week === week && each.reason === reason,
    );
    if (!asked) await tools.proposeQuery({ employee, week, reason });
  }
  return { checked: timesheets.length, flagged: exceptions.length, exposure: [] };
});

function exceptionsOf(sheet: Sheet, dailyMaximum: string): readonly Exception[] {
  const { employee, week } = sheet;
  const record = { entity: 'timesheet' as const, id: sheet.id };
  if (sheet.status === 'draft') {
    const summary = `Timesheet ${sheet.number} of a complete week has not been submitted.`;
    return [{ reason: 'not_submitted', week, employee, records: [record], summary, evidence: {} }];
  }
  const found = new Map<string, Exception>();
  for (const day of sheet.deviations) {
    const reason = reasonFor(day, dailyMaximum);
    if (!reason) continue;
    const leave = reason === 'on_leave' && day.leave !== null ? day.leave : null;
    const records = [record, ...(leave ? [{ entity: 'leave' as const, id: leave }] : [])];
    const key = `${reason} ${leave}`;
    if (found.has(key)) continue;
    const evidence = { date: day.date, hours: day.hours, dailyMaximum };
    const summary = `Timesheet ${sheet.number} has ${day.hours} hours on ${day.date}: ${meanings[reason]}.`;
    found.set(key, { reason, week, employee, records, summary, evidence });
  }
  if (sheet.overlaps) {
    const summary = `Timesheet ${sheet.number} has lines of work that overlap in time.`;
    found.set('overlap', {
      reason: 'overlap',
      week,
      employee,
      records: [record],
      summary,
      evidence: {},
    });
  }
  return [...found.values()];
}

const meanings = {
  impossible_day: 'more than a day has',
  on_leave: 'the employee was on approved leave',
  holiday: 'a public holiday, without an approval',
  over_maximum: 'above the daily maximum, without an approval',
} as const;

function reasonFor(day: Day, dailyMaximum: string): keyof typeof meanings | null {
  if (Decimal.isAbove(day.hours, hoursOfDay)) return 'impossible_day';
  if (day.leave !== null) return 'on_leave';
  if (day.approved) return null;
  if (day.holiday) return 'holiday';
  return Decimal.isAbove(day.hours, dailyMaximum) ? 'over_maximum' : null;
}

function missingOf(
  employee: z.infer<typeof listSchedules.result>['employees'][number],
  timesheets: readonly Sheet[],
): readonly Exception[] {
  const filed = new Set(
    timesheets.filter((sheet) => sheet.employee === employee.id).map((sheet) => sheet.week),
  );
  const missing = employee.owedWeeks.filter((week) => !filed.has(week));
  const [week] = missing;
  if (week === undefined) return [];
  return [
    {
      reason: 'missing',
      week,
      employee: employee.id,
      records: [{ entity: 'employee', id: employee.id }],
      summary: `Employee ${employee.number} has no timesheet for ${missing.length === 1 ? 'the week' : `${missing.length} weeks, the first`} of ${week}.`,
      evidence: { weeks: missing.length },
    },
  ];
}
