import { defineHook, eq } from 'tutti';
import { timesheetCheck } from './workflows/timesheet-check.ts';

/** Hours are looked at when they are handed in, and when a leave makes those that are there impossible. */
export const hooks = [
  defineHook({
    name: 'timesheet_submitted',
    about: "Checks a department's timesheets when one of them is submitted.",
    entity: 'timesheet',
    when: ({ record }) => eq(record.status, 'submitted'),
    edge: 'becomes',
    debounceMs: 10_000,
    workflow: timesheetCheck,
    input: ({ record }) => ({ department: record.department }),
    company: ({ record }) => record.company,
  }),
  defineHook({
    name: 'leave_approved',
    about: "Checks a department's timesheets when a leave in it is approved.",
    entity: 'leave',
    when: ({ record }) => eq(record.status, 'approved'),
    edge: 'becomes',
    workflow: timesheetCheck,
    input: ({ record }) => ({ department: record.department }),
    company: ({ record }) => record.company,
  }),
];
