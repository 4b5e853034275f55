import { defineEntity, field, z } from 'tutti';

/** What was agreed with an employee: `rate` is pay per hour (`hourly`) or per month (`monthly`). No `to` = without end. */
export const employmentContract = defineEntity('employment_contract', {
  number: field.code(),
  employee: field.ref('employee'),
  department: field.ref('department'),
  company: field.code(),
  pay: field.oneOf('hourly', 'monthly'),
  rate: field.money(),
  weeklyHours: field.decimal(),
  from: field.date(),
  to: field.optional(field.date()),
});

/** When an employee works, Monday to Friday. `startMinute` counts from midnight; a night shift ends on the next day. */
export const workSchedule = defineEntity('work_schedule', {
  employee: field.ref('employee'),
  department: field.ref('department'),
  shift: field.oneOf('day', 'night'),
  startMinute: field.integer(),
  dailyHours: field.decimal(),
});

/** What the law and the works agreement allow in a company. */
export const labourRule = defineEntity('labour_rule', {
  company: field.code(),
  /** Hours of work on one day that need no approval. */
  dailyMaximum: field.decimal(),
}).mayBeOld(60);

/** A day on which a company does not work. */
export const publicHoliday = defineEntity('public_holiday', {
  company: field.code(),
  date: field.date(),
}).mayBeOld(60);

/** An employee's hours of one week; `week` is its Monday. A line's hours count to the day on which it starts. */
export const timesheet = defineEntity('timesheet', {
  number: field.code(),
  employee: field.ref('employee'),
  department: field.ref('department'),
  company: field.code(),
  week: field.date(),
  status: field.oneOf('draft', 'submitted', 'approved'),
  memo: field.text(),
  lines: field.lines({
    date: field.date(),
    kind: field.oneOf('work', 'leave', 'holiday'),
    /** Minutes after midnight. */
    startMinute: field.integer(),
    hours: field.decimal(),
    /** Number of the approval of overtime or of work on a holiday. */
    approval: field.optional(field.code()),
  }),
});

/** An absence; both days are included. */
export const leave = defineEntity('leave', {
  number: field.code(),
  employee: field.ref('employee'),
  department: field.ref('department'),
  company: field.code(),
  kind: field.oneOf('annual', 'sick', 'parental'),
  from: field.date(),
  to: field.date(),
  status: field.oneOf('requested', 'approved', 'refused', 'cancelled'),
  note: field.text(),
});

/** One payment of wages. `regular` is the month's pay, `correction` settles something of another month. `period` is `YYYY-MM`. */
export const payslip = defineEntity('payslip', {
  number: field.code(),
  employee: field.ref('employee'),
  department: field.ref('department'),
  company: field.code(),
  period: field.code(),
  kind: field.oneOf('regular', 'correction'),
  pay: field.oneOf('hourly', 'monthly'),
  rate: field.money(),
  hours: field.decimal(),
  gross: field.money(),
  net: field.money(),
  status: field.oneOf('draft', 'held', 'posted'),
  note: field.text(),
}).withActions({
  hold: {
    data: z.object({ reason: z.string() }),
    apply: (row) =>
      row.status === 'draft'
        ? { status: 'held' as const }
        : { refuse: `a ${row.status} payslip cannot be held` },
  },
  release: {
    data: z.object({}),
    apply: (row) =>
      row.status === 'held' ? { status: 'draft' as const } : { refuse: 'the payslip is not held' },
  },
  post: {
    data: z.object({}),
    apply: (row) =>
      row.status === 'draft'
        ? { status: 'posted' as const }
        : { refuse: `a ${row.status} payslip cannot be posted` },
  },
});

/** A document without which an employee may not do their work. A renewal is a further permit of the same kind. */
export const permit = defineEntity('permit', {
  number: field.code(),
  employee: field.ref('employee'),
  department: field.ref('department'),
  company: field.code(),
  kind: field.oneOf(
    'work_permit',
    'residence_permit',
    'forklift_certificate',
    'first_aid_certificate',
  ),
  issuedOn: field.date(),
  /** The last day on which it is valid. */
  expiresOn: field.date(),
  note: field.text(),
});

/** A question to an employee about a week's hours; goes out when somebody sends it. */
export const timesheetQuery = defineEntity('timesheet_query', {
  number: field.code(),
  employee: field.ref('employee'),
  department: field.ref('department'),
  week: field.date(),
  reason: field.code(),
  status: field.oneOf('draft', 'sent', 'withdrawn'),
}).withActions(sendable());

/** A reminder to renew a permit; goes out when somebody sends it. */
export const permitReminder = defineEntity('permit_reminder', {
  number: field.code(),
  permit: field.ref('permit'),
  department: field.ref('department'),
  dueOn: field.date(),
  status: field.oneOf('draft', 'sent', 'withdrawn'),
}).withActions(sendable());

/** The two ways in which a person settles the draft of a message. */
function sendable() {
  const to =
    <S extends 'sent' | 'withdrawn'>(status: S) =>
    (row: { readonly status: 'draft' | 'sent' | 'withdrawn' }) =>
      row.status === 'draft' ? { status } : { refuse: `it is ${row.status} already` };
  return {
    send: { data: z.object({}), apply: to('sent') },
    withdraw: { data: z.object({}), apply: to('withdrawn') },
  };
}

/** A month's wages of a company by department, as accrued in its ledger; a draft has no journal entry. */
export const payrollAccrual = defineEntity('payroll_accrual', {
  number: field.code(),
  company: field.code(),
  period: field.code(),
  kind: field.oneOf('regular', 'correction'),
  status: field.oneOf('draft', 'posted', 'withdrawn'),
  entry: field.optional(field.ref('journal_entry')),
  total: field.money(),
  lines: field.lines({ department: field.ref('department'), amount: field.decimal() }),
}).withActions({
  withdraw: {
    data: z.object({}),
    apply: (row) =>
      row.status === 'draft'
        ? { status: 'withdrawn' as const }
        : { refuse: `a ${row.status} accrual cannot be withdrawn; reverse its journal entry` },
  },
});

declare module 'tutti' {
  interface Entities {
    employment_contract: typeof employmentContract;
    work_schedule: typeof workSchedule;
    labour_rule: typeof labourRule;
    public_holiday: typeof publicHoliday;
    timesheet: typeof timesheet;
    leave: typeof leave;
    payslip: typeof payslip;
    permit: typeof permit;
    timesheet_query: typeof timesheetQuery;
    permit_reminder: typeof permitReminder;
    payroll_accrual: typeof payrollAccrual;
  }
}
