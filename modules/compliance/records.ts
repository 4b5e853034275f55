import { defineEntity, field, z } from 'tutti';

/**
 * What compliance keeps: who may do what and what must not meet in one hand, the sanctions lists, the limits of buyers,
 * the closes of periods, and the drafts that its agents leave for an auditor.
 */

/** A bundle of duties that users are given together. */
export const role = defineEntity('role', {
  code: field.code(),
  name: field.code(),
  duties: field.lines({ duty: field.code() }),
});

/** A role given to a user in one company. Both days are included; no `to` = until further notice. */
export const roleGrant = defineEntity('role_grant', {
  number: field.code(),
  user: field.ref('user'),
  role: field.ref('role'),
  company: field.code(),
  from: field.date(),
  to: field.optional(field.date()),
  /** What the applicant wrote into the request. */
  reason: field.text(),
});

/** Two duties that nobody may hold together in one company. */
export const dutyRule = defineEntity('duty_rule', {
  code: field.code(),
  first: field.code(),
  second: field.code(),
  risk: field.oneOf('medium', 'high', 'critical'),
  active: field.flag(),
}).mayBeOld(60);

/** Somebody on a sanctions list. `country` is where the authority places them. */
export const sanctionEntry = defineEntity('sanction_entry', {
  number: field.code(),
  list: field.oneOf('EU', 'UN', 'OFAC', 'UK'),
  program: field.code(),
  name: field.text(),
  country: field.code(),
  status: field.oneOf('listed', 'delisted'),
  remarks: field.text(),
  aliases: field.lines({ name: field.text() }),
});

/** The value up to which a user may order alone, in the company's currency. Both days are included. */
export const approvalLimit = defineEntity('approval_limit', {
  number: field.code(),
  user: field.ref('user'),
  company: field.code(),
  amount: field.money(),
  from: field.date(),
  to: field.optional(field.date()),
}).mayBeOld(60);

/** When a company closed a period (`YYYY-MM`); an open one has no record. */
export const periodClose = defineEntity('period_close', {
  company: field.code(),
  period: field.code(),
  closedAt: field.instant(),
});

/** Journal entries that an auditor is to look at. */
export const auditSample = defineEntity('audit_sample', {
  number: field.code(),
  journal: field.ref('journal'),
  company: field.code(),
  date: field.date(),
  status: field.oneOf('draft', 'confirmed', 'discarded'),
  lines: field.lines({ entry: field.ref('journal_entry'), score: field.integer() }),
}).withActions({
  confirm: {
    data: z.object({}),
    apply: (row) =>
      row.status === 'draft'
        ? { status: 'confirmed' }
        : { refuse: `the sample is ${row.status} already` },
  },
  discard: {
    data: z.object({}),
    apply: (row) =>
      row.status === 'draft'
        ? { status: 'discarded' }
        : { refuse: `the sample is ${row.status} already` },
  },
});

/** A breach of policy that somebody looks into. `subject` is what it is about: equal subjects are one matter. */
export const auditCase = defineEntity('audit_case', {
  number: field.code(),
  kind: field.oneOf('duty_conflict', 'split_order', 'missing_limit'),
  company: field.code(),
  subject: field.code(),
  amount: field.optional(field.money()),
  openedOn: field.date(),
  status: field.oneOf('draft', 'open', 'closed', 'withdrawn'),
  records: field.lines({ entity: field.code(), record: field.code() }),
}).withActions({
  open: {
    data: z.object({}),
    apply: (row) =>
      row.status === 'draft' ? { status: 'open' } : { refuse: `the case is ${row.status}` },
  },
  close: {
    data: z.object({}),
    apply: (row) =>
      row.status === 'open' ? { status: 'closed' } : { refuse: `the case is ${row.status}` },
  },
  withdraw: {
    data: z.object({}),
    apply: (row) =>
      row.status === 'draft' || row.status === 'open'
        ? { status: 'withdrawn' }
        : { refuse: `the case is ${row.status}` },
  },
});

declare module 'tutti' {
  interface Entities {
    role: typeof role;
    role_grant: typeof roleGrant;
    duty_rule: typeof dutyRule;
    sanction_entry: typeof sanctionEntry;
    approval_limit: typeof approvalLimit;
    period_close: typeof periodClose;
    audit_sample: typeof auditSample;
    audit_case: typeof auditCase;
  }
}
