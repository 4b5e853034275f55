import { Day, defineTool, Id, z } from 'tutti';

/** Why an employee is asked about a week; the last part of the finding's kind. */
export const QueryReason = z.enum([
  'impossible_day',
  'on_leave',
  'holiday',
  'over_maximum',
  'overlap',
  'not_submitted',
  'missing',
]);

/** A question for somebody to send. */
export const proposeQuery = defineTool({
  name: 'hr.query.propose',
  description: 'Drafts a question to an employee about the timesheet of one week (its Monday).',
  effect: 'propose',
  category: 'time',
  duty: 'query_timesheet',
  parameters: z.object({
    employee: Id('employee'),
    week: z.iso.date().refine((day) => Day.weekday(day) === 1, 'must be a Monday'),
    reason: QueryReason,
  }),
  result: z.object({ id: Id('timesheet_query'), version: z.string() }),
  undo: { action: 'withdraw' },
  key: ({ employee, week, reason }) => [employee, week, reason],
  scope: 'tenant',
}).handler(async ({ employee, week, reason }, { erp, key }) => {
  const { department } = await erp.employee.get(employee);
  const { id, version } = await erp.timesheet_query.findOrCreate(
    { employee, week, reason },
    (queries) =>
      queries.find(({ status }) => status !== 'withdrawn') ?? {
        number: `TQ-${key.slice(0, 12)}`,
        department,
        status: 'draft',
      },
  );
  return { id, version };
});
