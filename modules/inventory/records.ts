import { defineEntity, field, z } from 'tutti';

/**
 * What the warehouse keeps beside the shared documents of procurement. A product lies in at most one warehouse of a
 * company; quantities are in the product's unit.
 */

/** What lies in a warehouse of a product. `reserved` is promised to somebody already; `onHand` is the sum of its moves. */
export const stockLevel = defineEntity('stock_level', {
  product: field.ref('product'),
  warehouse: field.ref('warehouse'),
  onHand: field.decimal(),
  reserved: field.decimal(),
  /** Null: nobody has counted it yet. */
  lastCountedOn: field.optional(field.date()),
});

/** One change of a stock level: positive comes in, negative goes out. */
export const stockMove = defineEntity('stock_move', {
  product: field.ref('product'),
  warehouse: field.ref('warehouse'),
  date: field.date(),
  reason: field.oneOf('opening', 'receipt', 'issue', 'adjustment'),
  quantity: field.decimal(),
  receipt: field.optional(field.ref('goods_receipt')),
});

/** When and from whom a product is bought again for a warehouse: below `minimum`, up to `target`. */
export const reorderRule = defineEntity('reorder_rule', {
  product: field.ref('product'),
  warehouse: field.ref('warehouse'),
  vendor: field.ref('party'),
  minimum: field.decimal(),
  target: field.decimal(),
  leadTimeDays: field.integer(),
  active: field.flag(),
});

/** Somebody's wish that purchasing orders something. `draft` and `approved` requests are still to be ordered. */
export const purchaseRequest = defineEntity('purchase_request', {
  number: field.code(),
  company: field.code(),
  warehouse: field.ref('warehouse'),
  product: field.ref('product'),
  vendor: field.ref('party'),
  quantity: field.decimal(),
  neededOn: field.date(),
  status: field.oneOf('draft', 'approved', 'ordered', 'cancelled'),
}).withActions({
  approve: {
    data: z.object({}),
    apply: (row) =>
      row.status === 'draft' ? { status: 'approved' } : { refuse: `the request is ${row.status}` },
  },
  cancel: {
    data: z.object({}),
    apply: (row) =>
      row.status === 'draft' || row.status === 'approved'
        ? { status: 'cancelled' }
        : { refuse: `the request is ${row.status}` },
  },
});

/** A list of products that somebody goes and counts. `counted` is null until they have. */
export const stockCount = defineEntity('stock_count', {
  number: field.code(),
  company: field.code(),
  warehouse: field.ref('warehouse'),
  plannedOn: field.date(),
  status: field.oneOf('planned', 'counting', 'done', 'cancelled'),
  lines: field.lines({
    product: field.ref('product'),
    expected: field.decimal(),
    counted: field.optional(field.decimal()),
  }),
}).withActions({
  start: {
    data: z.object({}),
    apply: (row) =>
      row.status === 'planned' ? { status: 'counting' } : { refuse: `the count is ${row.status}` },
  },
  cancel: {
    data: z.object({}),
    apply: (row) =>
      row.status === 'planned' ? { status: 'cancelled' } : { refuse: `the count is ${row.status}` },
  },
});

/** What we ask of a supplier because of a delivery. */
export const claim = defineEntity('claim', {
  number: field.code(),
  company: field.code(),
  vendor: field.ref('party'),
  order: field.ref('purchase_order'),
  receipt: field.ref('goods_receipt'),
  reason: field.oneOf('short', 'over', 'rejected', 'unordered'),
  /** The value of the goods in question at the order's prices. */
  amount: field.money(),
  openedOn: field.date(),
  status: field.oneOf('draft', 'sent', 'settled', 'withdrawn'),
}).withActions({
  send: {
    data: z.object({}),
    apply: (row) =>
      row.status === 'draft' ? { status: 'sent' } : { refuse: `the claim is ${row.status}` },
  },
  withdraw: {
    data: z.object({}),
    apply: (row) =>
      row.status === 'draft' || row.status === 'sent'
        ? { status: 'withdrawn' }
        : { refuse: `the claim is ${row.status}` },
  },
});

/** A difference between the value of the stock and the ledger, drafted for the controller who explains or posts it. */
export const valuationVariance = defineEntity('valuation_variance', {
  number: field.code(),
  company: field.code(),
  account: field.ref('account'),
  date: field.date(),
  stockValue: field.money(),
  ledgerBalance: field.money(),
  status: field.oneOf('draft', 'explained', 'dismissed'),
}).withActions({
  explain: {
    data: z.object({}),
    apply: (row) =>
      row.status === 'draft'
        ? { status: 'explained' }
        : { refuse: `the variance is ${row.status}` },
  },
  dismiss: {
    data: z.object({}),
    apply: (row) =>
      row.status === 'draft'
        ? { status: 'dismissed' }
        : { refuse: `the variance is ${row.status}` },
  },
});

declare module 'tutti' {
  interface Entities {
    stock_level: typeof stockLevel;
    stock_move: typeof stockMove;
    reorder_rule: typeof reorderRule;
    purchase_request: typeof purchaseRequest;
    stock_count: typeof stockCount;
    claim: typeof claim;
    valuation_variance: typeof valuationVariance;
  }
}
