import { defineTool, Id, z } from 'tutti';

/** What employees were asked already. */
export const listQueries = defineTool({
  name: 'hr.query.list',
  description: "Lists the questions to a department's employees that are drafted or sent.",
  effect: 'read',
  category: 'time',
  sensitive: true,
  parameters: z.object({ department: Id('department') }),
  result: z.object({
    queries: z.array(
      z.object({
        employee: Id('employee'),
        week: z.iso.date(),
        reason: z.string(),
        status: z.enum(['draft', 'sent', 'withdrawn']),
      }),
    ),
  }),
}).handler(async ({ department }, { erp }) => {
  const employees = await erp.employee.list({ department });
  const rows = await erp.timesheet_query.list({
    employee: { in: employees.map(({ id }) => id) },
    status: { in: ['draft', 'sent'] },
  });
  return {
    queries: rows.map(({ employee, week, reason, status }) => ({ employee, week, reason, status })),
  };
});
