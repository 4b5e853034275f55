import { defineEntity, field, z } from 'tutti';

/**
 * What finance keeps beside the shared ledger: the subledgers (bills, receivables, payments), the statements of the
 * banks, and the drafts that its agents leave for a person.
 */

/**
 * A supplier's invoice, in the company's currency. `number` is the supplier's, as it was typed in: agents get what `shownNumber`
 * leaves of it. Without an `order` it is for a service. `entry` is the ledger entry that posted it: null while it is a draft, and a gap in the ledger after that.
 */
export const bill = defineEntity('bill', {
  number: field.code(),
  company: field.code(),
  vendor: field.ref('party'),
  order: field.optional(field.ref('purchase_order')),
  date: field.date(),
  dueOn: field.date(),
  status: field.oneOf('draft', 'open', 'paid', 'cancelled'),
  /** Why it must not be paid. */
  hold: field.optional(field.oneOf('quantity', 'price', 'receipt', 'duplicate')),
  memo: field.text(),
  total: field.money(),
  entry: field.optional(field.ref('journal_entry')),
  lines: field.lines({
    id: field.code(),
    /** The line of the order that it charges. */
    orderLine: field.optional(field.code()),
    quantity: field.decimal(),
    price: field.money(),
  }),
}).withActions({
  hold: {
    data: z.object({ reason: z.enum(['quantity', 'price', 'receipt', 'duplicate']) }),
    apply: (row, { reason }) => {
      if (row.hold !== null) return { refuse: `the bill is on hold already (${row.hold})` };
      if (row.status === 'draft' || row.status === 'open') return { hold: reason };
      return { refuse: `the bill is ${row.status}; only a draft or open bill can be held` };
    },
  },
  release: {
    data: z.object({}),
    apply: (row) => (row.hold === null ? { refuse: 'the bill is not on hold' } : { hold: null }),
  },
  approve: {
    data: z.object({}),
    apply: (row) => {
      if (row.hold !== null)
        return { refuse: `the bill is on hold (${row.hold}); release it first` };
      return row.status === 'draft' ? { status: 'open' } : { refuse: `the bill is ${row.status}` };
    },
  },
  cancel: {
    data: z.object({}),
    apply: (row) =>
      row.status === 'draft' || row.status === 'open'
        ? { status: 'cancelled' }
        : { refuse: `the bill is ${row.status}; ask the supplier for a credit note` },
  },
});

/** An invoice to a customer, in the company's currency. */
export const receivable = defineEntity('receivable', {
  number: field.code(),
  company: field.code(),
  customer: field.ref('party'),
  date: field.date(),
  dueOn: field.date(),
  status: field.oneOf('open', 'paid', 'cancelled'),
  memo: field.text(),
  total: field.money(),
  entry: field.optional(field.ref('journal_entry')),
});

/**
 * One line of the cash book of a company's bank account. `reference` is what the bank will quote for it: our own payment
 * number when we pay, the receivable's number when a customer does.
 */
export const payment = defineEntity('payment', {
  number: field.code(),
  company: field.code(),
  account: field.ref('bank_account'),
  party: field.optional(field.ref('party')),
  direction: field.oneOf('in', 'out'),
  purpose: field.oneOf('bill', 'receivable', 'fee', 'opening'),
  bill: field.optional(field.ref('bill')),
  receivable: field.optional(field.ref('receivable')),
  reference: field.code(),
  date: field.date(),
  /** Always positive; `direction` has the sign. */
  amount: field.money(),
  /** `executed`: sent or received, not yet seen on a statement. */
  status: field.oneOf('executed', 'reconciled', 'cancelled'),
  entry: field.optional(field.ref('journal_entry')),
});

/** A line of a bank statement. `amount` is positive for money that came in. */
export const bankLine = defineEntity('bank_line', {
  account: field.ref('bank_account'),
  date: field.date(),
  kind: field.oneOf('transfer', 'fee'),
  amount: field.money(),
  /** The end-to-end reference, when the bank passed one on. */
  reference: field.optional(field.code()),
  remittance: field.text(),
  status: field.oneOf('open', 'matched'),
  payment: field.optional(field.ref('payment')),
});

/** How far a line of a bill may lie from its order: both limits hold. One record a company. */
export const matchTolerance = defineEntity('match_tolerance', {
  company: field.code(),
  amount: field.money(),
  /** Per cent of the line's agreed value. */
  percent: field.decimal(),
}).mayBeOld(60);

/** What a night's comparison said about a vendor's draft bills, for whoever approves them. */
export const matchRun = defineEntity('match_run', {
  vendor: field.ref('party'),
  date: field.date(),
  status: field.oneOf('draft', 'confirmed', 'discarded'),
  lines: field.lines({
    bill: field.ref('bill'),
    result: field.oneOf('matched', 'quantity', 'price', 'receipt'),
  }),
}).withActions(confirmable());

/** Statement lines paired with payments, for whoever reconciles the account. */
export const bankMatch = defineEntity('bank_match', {
  account: field.ref('bank_account'),
  date: field.date(),
  status: field.oneOf('draft', 'confirmed', 'discarded'),
  lines: field.lines({ line: field.ref('bank_line'), payment: field.ref('payment') }),
}).withActions(confirmable());

/** A journal entry that is written out but not posted: it has no effect on the ledger until somebody posts it. */
export const parkedEntry = defineEntity('parked_entry', {
  company: field.code(),
  date: field.date(),
  reason: field.oneOf('bank_fee', 'reverse_manual', 'post_missing'),
  /** The statement line, by its id, or the record that it corrects, as `entity:id`. */
  reference: field.code(),
  total: field.money(),
  status: field.oneOf('draft', 'confirmed', 'discarded'),
  lines: field.lines({
    account: field.ref('account'),
    debit: field.decimal(),
    credit: field.decimal(),
  }),
}).withActions(confirmable());

/** The two ways in which a person settles a draft. */
function confirmable() {
  const to =
    (status: 'confirmed' | 'discarded') =>
    (row: { readonly status: 'draft' | 'confirmed' | 'discarded' }) =>
      row.status === 'draft' ? { status } : { refuse: `the draft is ${row.status} already` };
  return {
    confirm: { data: z.object({}), apply: to('confirmed') },
    discard: { data: z.object({}), apply: to('discarded') },
  };
}

declare module 'tutti' {
  interface Entities {
    bill: typeof bill;
    receivable: typeof receivable;
    payment: typeof payment;
    bank_line: typeof bankLine;
    match_tolerance: typeof matchTolerance;
    match_run: typeof matchRun;
    bank_match: typeof bankMatch;
    parked_entry: typeof parkedEntry;
  }
}
