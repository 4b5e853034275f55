import { defineWorkflow, eq, type Graph, query, z } from 'tutti';
import * as compliance from './compliance/index.ts';
import * as finance from './finance/index.ts';
import * as hr from './hr/index.ts';
import * as inventory from './inventory/index.ts';

const input = z.object({
  /** Whether the current period is open for entries: banks and subledgers are reconciled only then. */
  periodOpen: z.boolean().default(true),
});
type Night = Graph<z.output<typeof input>>;

// A failed item costs its own results only; what comes after works with what there is.
const tolerant = { onItemFailure: 'continue' } as const;
const whenEnded = { join: 'all_done' } as const;

/** People: a department's payroll is checked as soon as its own timesheets are, then each company's accrual. */
function people({ foreach }: Night) {
  const payroll = foreach({
    ...tolerant,
    id: 'people',
    items: query.department(),
    key: (department) => department.id,
    each(graph, { id }) {
      const timesheets = graph.task({
        id: 'timesheets',
        agent: hr.timesheetExceptions,
        input: { department: id },
      });
      const payslips = graph.task({
        ...whenEnded,
        id: 'payroll',
        after: [timesheets],
        agent: hr.payrollAnomaly,
        input: { department: id },
      });
      return [timesheets, payslips];
    },
  });
  const documents = foreach({
    ...tolerant,
    id: 'documents',
    items: query.department(),
    key: (department) => department.id,
    agent: hr.documentExpiryWatch,
    input: ({ id }) => ({ department: id }),
  });
  const accruals = foreach({
    ...tolerant,
    id: 'accruals',
    after: [payroll],
    items: query.company(),
    key: (company) => company.code,
    agent: hr.payrollAccrualFeed,
    input: ({ code }) => ({ company: code }),
  });
  return { payroll, documents, accruals };
}

/** Stock: receipts and counts per warehouse, replenishment per group of items, then its value against the ledger. */
function stock({ foreach }: Night) {
  const receipts = foreach({
    ...tolerant,
    id: 'receipts',
    items: query.warehouse(),
    key: (warehouse) => warehouse.id,
    each(graph, { id }) {
      const received = graph.task({
        id: 'discrepancies',
        agent: inventory.receiptDiscrepancy,
        input: { warehouse: id },
      });
      const counts = graph.task({
        ...whenEnded,
        id: 'counts',
        after: [received],
        agent: inventory.cycleCountPlanner,
        input: { warehouse: id },
      });
      return [received, counts];
    },
  });
  const reorders = foreach({
    ...tolerant,
    id: 'reorders',
    items: query.item_group(),
    key: (group) => group.id,
    agent: inventory.reorderPointPlanner,
    input: ({ id }) => ({ group: id }),
  });
  const valuation = foreach({
    ...tolerant,
    id: 'valuation',
    after: [receipts],
    items: query.company(),
    key: (company) => company.code,
    agent: inventory.valuationReconciliation,
    input: ({ code }) => ({ company: code }),
  });
  return { receipts, reorders, valuation };
}

/** The books: each vendor's bills once the receipts are known, the banks, then the subledgers on all of it. */
function books(
  { input, foreach, gate }: Night,
  { accruals }: ReturnType<typeof people>,
  { receipts, valuation }: ReturnType<typeof stock>,
) {
  const bills = foreach({
    ...tolerant,
    id: 'bills',
    after: [receipts],
    items: query.party({ supplier: true }),
    key: (vendor) => vendor.id,
    each(graph, { id }) {
      const unique = graph.task({
        id: 'duplicates',
        agent: finance.duplicateInvoiceGuard,
        input: { vendor: id },
      });
      const matched = graph.task({
        ...whenEnded,
        id: 'match',
        after: [unique],
        agent: finance.threeWayMatch,
        input: { vendor: id },
      });
      return [unique, matched];
    },
  });
  const open = gate({ id: 'period_open', when: eq(input.periodOpen, true) });
  const banks = foreach({
    ...tolerant,
    id: 'banks',
    after: [open],
    items: query.bank_account({ party: null }),
    key: (account) => account.id,
    agent: finance.bankReconciliation,
    input: ({ id }) => ({ account: id }),
  });
  const subledgers = foreach({
    ...tolerant,
    id: 'subledgers',
    after: [open, accruals, valuation, bills, banks],
    items: query.company(),
    key: (company) => company.code,
    agent: finance.subledgerReconciliation,
    input: ({ code }) => ({ company: code }),
  });
  return { bills, banks, subledgers };
}

/** The auditors: parties, users and orders from the start, journal entries when the books are done. */
function audit({ foreach }: Night, { subledgers }: ReturnType<typeof books>) {
  const screening = foreach({
    ...tolerant,
    id: 'screening',
    items: query.party_group(),
    key: (group) => group.id,
    agent: compliance.sanctionsScreening,
    input: ({ id }) => ({ group: id }),
  });
  const duties = foreach({
    ...tolerant,
    id: 'duties',
    items: query.user_group(),
    key: (group) => group.id,
    agent: compliance.sodConflictScan,
    input: ({ id }) => ({ group: id }),
  });
  const orders = foreach({
    ...tolerant,
    id: 'orders',
    items: query.department(),
    key: (department) => department.id,
    agent: compliance.policyExceptionReview,
    input: ({ id }) => ({ department: id }),
  });
  const entries = foreach({
    ...tolerant,
    ...whenEnded,
    id: 'entries',
    after: [subledgers],
    items: query.journal(),
    key: (journal) => journal.id,
    agent: compliance.jeTesting,
    input: ({ id }) => ({ journal: id }),
  });
  return [screening, duties, orders, entries];
}

/**
 * The group's night across the four modules: people and stock first, the books on what they found, the auditors' tests on the
 * books, then a summary per module and one for the group. Chains run per item, without barriers.
 */
export const nightly = defineWorkflow({
  name: 'nightly',
  deadline: 'PT6H',
  budgetMicroUsd: 20_000_000,
  partial: true,
  input,
  graph(night) {
    const { payroll, documents, accruals } = people(night);
    const { receipts, reorders, valuation } = stock(night);
    const { bills, banks, subledgers } = books(
      night,
      { payroll, documents, accruals },
      { receipts, reorders, valuation },
    );
    const audits = audit(night, { bills, banks, subledgers });
    const summaries = [
      night.reduce({
        ...whenEnded,
        id: 'hr_summary',
        from: [payroll, documents, accruals],
        agent: hr.nightSummary,
      }),
      night.reduce({
        ...whenEnded,
        id: 'inventory_summary',
        from: [receipts, reorders, valuation],
        agent: inventory.nightSummary,
      }),
      night.reduce({
        ...whenEnded,
        id: 'finance_summary',
        from: [bills, banks, subledgers],
        agent: finance.nightSummary,
      }),
      night.reduce({
        ...whenEnded,
        id: 'compliance_summary',
        from: audits,
        agent: compliance.nightSummary,
      }),
    ];
    night.reduce({
      ...whenEnded,
      id: 'group_summary',
      from: summaries,
      agent: compliance.groupSummary,
    });
  },
});
