import { z } from 'zod';
import { type AnyEntity, defineEntity, field } from '../../sdk/entity.ts';

/**
 * The canonical records that several modules share: master data, the ledger, and the documents of procurement. Each
 * module adds its own in its `records.ts`. Names and meanings follow the neutral core of the large ERPs (docs/erp.md).
 */

/** A legal entity. Other records name it by `code`. */
export const company = defineEntity('company', {
  code: field.code(),
  name: field.code(),
  country: field.code(),
  currency: field.code(),
  timeZone: field.code(),
}).mayBeOld(60);

/** What one unit of `currency` is worth in the group's currency on a day. */
export const exchangeRate = defineEntity('exchange_rate', {
  currency: field.code(),
  date: field.date(),
  rate: field.decimal(),
}).mayBeOld(60);

/** A working unit of people and cost. */
export const department = defineEntity('department', {
  code: field.code(),
  name: field.code(),
  company: field.code(),
}).mayBeOld(60);

/** A person on the payroll. `leftOn` is the last day of employment. */
export const employee = defineEntity('employee', {
  number: field.code(),
  name: field.text(),
  company: field.code(),
  department: field.ref('department'),
  position: field.code(),
  hiredOn: field.date(),
  leftOn: field.optional(field.date()),
});

/** A group of ERP users who are reviewed together. */
export const userGroup = defineEntity('user_group', {
  code: field.code(),
  name: field.code(),
  company: field.code(),
}).mayBeOld(60);

/** Somebody who signs in to the ERP: a person's account or a technical one (no employee). */
export const user = defineEntity('user', {
  login: field.code(),
  group: field.ref('user_group'),
  employee: field.optional(field.ref('employee')),
  status: field.oneOf('active', 'locked'),
  lastLoginOn: field.optional(field.date()),
});

/** A batch of parties who are screened together. */
export const partyGroup = defineEntity('party_group', { code: field.code() }).mayBeOld(60);

/** A supplier, a customer, or both: a use, not a type. `block` keeps payments and orders from going to it. */
export const party = defineEntity('party', {
  number: field.code(),
  name: field.text(),
  supplier: field.flag(),
  customer: field.flag(),
  country: field.code(),
  taxNumber: field.code(),
  group: field.ref('party_group'),
  currency: field.code(),
  blocked: field.flag(),
}).withActions({
  block: {
    data: z.object({ reason: z.string() }),
    apply: (row) => (row.blocked ? { refuse: 'the party is blocked already' } : { blocked: true }),
  },
  release: {
    data: z.object({}),
    apply: (row) => (row.blocked ? { blocked: false } : { refuse: 'the party is not blocked' }),
  },
});

/** A bank account of a company (`company`) or of a party (`party`). */
export const bankAccount = defineEntity('bank_account', {
  iban: field.code(),
  currency: field.code(),
  company: field.optional(field.code()),
  party: field.optional(field.ref('party')),
  /** The day on which the account number was last changed. */
  changedOn: field.optional(field.date()),
  verified: field.flag(),
});

/** A group of products that is planned together. */
export const itemGroup = defineEntity('item_group', {
  code: field.code(),
  name: field.code(),
}).mayBeOld(60);

/** Something bought, stocked or sold. `cost` is the standard cost of one unit, in the group's currency. */
export const product = defineEntity('product', {
  number: field.code(),
  name: field.text(),
  group: field.ref('item_group'),
  unit: field.code(),
  cost: field.money(),
  abc: field.oneOf('A', 'B', 'C'),
  active: field.flag(),
});

/** A place where stock lies. */
export const warehouse = defineEntity('warehouse', {
  code: field.code(),
  name: field.code(),
  company: field.code(),
}).mayBeOld(60);

/** An account of a company's general ledger. `control` names the subledger that must tie to it. */
export const account = defineEntity('account', {
  company: field.code(),
  number: field.code(),
  name: field.code(),
  kind: field.oneOf('asset', 'liability', 'equity', 'income', 'expense'),
  control: field.optional(
    field.oneOf('payables', 'receivables', 'bank', 'inventory', 'payroll', 'received_not_invoiced'),
  ),
}).mayBeOld(60);

/** A book in which a company's journal entries are numbered. */
export const journal = defineEntity('journal', {
  company: field.code(),
  code: field.code(),
  name: field.code(),
}).mayBeOld(60);

/**
 * The state of one of a company's fiscal periods in one of its ledgers. A company with none keeps no periods in this ERP; one
 * with some posts only where there is one. `soft_closed`: with a person's consent. `adjustment`: one that shares the last day of
 * its year, for entries of the close; ordinary postings never fall into it.
 */
export const fiscalPeriod = defineEntity('fiscal_period', {
  company: field.code(),
  ledger: field.oneOf('general', 'payables', 'receivables', 'bank', 'inventory', 'payroll'),
  /** `2026-06`: the fiscal year and the period's number in it. */
  code: field.code(),
  from: field.date(),
  to: field.date(),
  adjustment: field.flag(),
  state: field.oneOf('open', 'soft_closed', 'locked'),
});

/** A posted journal entry; debits equal credits, in the company's currency. `period` is `YYYY-MM`. */
export const journalEntry = defineEntity('journal_entry', {
  number: field.code(),
  company: field.code(),
  journal: field.ref('journal'),
  date: field.date(),
  period: field.code(),
  postedAt: field.instant(),
  user: field.ref('user'),
  source: field.oneOf('manual', 'system'),
  memo: field.text(),
  /** The sum of its debits. */
  total: field.money(),
  lines: field.lines({
    account: field.ref('account'),
    debit: field.decimal(),
    credit: field.decimal(),
  }),
});

/** An order to a supplier, in the company's currency. `matching` says what a bill is checked against. */
export const purchaseOrder = defineEntity('purchase_order', {
  number: field.code(),
  company: field.code(),
  vendor: field.ref('party'),
  buyer: field.ref('user'),
  department: field.ref('department'),
  date: field.date(),
  expectedOn: field.date(),
  status: field.oneOf('draft', 'open', 'received', 'closed', 'cancelled'),
  matching: field.oneOf('three_way', 'two_way'),
  memo: field.text(),
  total: field.money(),
  lines: field.lines({
    id: field.code(),
    product: field.ref('product'),
    quantity: field.decimal(),
    price: field.money(),
    /** Accepted so far, over all receipts. */
    received: field.decimal(),
  }),
});

/** Goods that came in against an order. */
export const goodsReceipt = defineEntity('goods_receipt', {
  number: field.code(),
  company: field.code(),
  vendor: field.ref('party'),
  order: field.ref('purchase_order'),
  warehouse: field.ref('warehouse'),
  date: field.date(),
  lines: field.lines({
    orderLine: field.code(),
    product: field.ref('product'),
    accepted: field.decimal(),
    rejected: field.decimal(),
  }),
});

/** The shared records, in the order in which they are loaded. */
export const sharedEntities: readonly AnyEntity[] = [
  company,
  exchangeRate,
  department,
  employee,
  userGroup,
  user,
  partyGroup,
  party,
  bankAccount,
  itemGroup,
  product,
  warehouse,
  account,
  journal,
  fiscalPeriod,
  journalEntry,
  purchaseOrder,
  goodsReceipt,
];

declare module '../../sdk/entity.ts' {
  interface Entities {
    company: typeof company;
    exchange_rate: typeof exchangeRate;
    department: typeof department;
    employee: typeof employee;
    user_group: typeof userGroup;
    user: typeof user;
    party_group: typeof partyGroup;
    party: typeof party;
    bank_account: typeof bankAccount;
    item_group: typeof itemGroup;
    product: typeof product;
    warehouse: typeof warehouse;
    account: typeof account;
    journal: typeof journal;
    fiscal_period: typeof fiscalPeriod;
    journal_entry: typeof journalEntry;
    purchase_order: typeof purchaseOrder;
    goods_receipt: typeof goodsReceipt;
  }
}
