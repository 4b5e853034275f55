import { defineWorkflow, Id, z } from 'tutti';
import { timesheetExceptions } from '../agents/timesheet-exceptions.ts';

/** Looks at a department's hours against schedules, leave and holidays. */
export const timesheetCheck = defineWorkflow({
  name: 'hr_timesheet_check',
  description: "Finds hours in a department's timesheets that cannot be right.",
  deadline: 'PT30M',
  input: z.object({ department: Id('department') }),
  graph({ input, task }) {
    task({
      id: 'timesheets',
      agent: timesheetExceptions,
      input: { department: input.department },
    });
  },
});
