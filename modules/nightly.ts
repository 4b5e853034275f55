import { defineWorkflow, eq, query, z } from 'tutti';
import {
  nightSummary as complianceNightSummary,
  groupSummary,
  jeTesting,
  policyExceptionReview,
  sanctionsScreening,
  sodConflictScan,
} from './compliance/index.ts';
import {
  bankReconciliation,
  duplicateInvoiceGuard,
  nightSummary as financeNightSummary,
  subledgerReconciliation,
  threeWayMatch,
} from './finance/index.ts';
import {
  documentExpiryWatch,
  nightSummary as hrNightSummary,
  payrollAccrualFeed,
  payrollAnomaly,
  timesheetExceptions,
} from './hr/index.ts';
import {
  cycleCountPlanner,
  nightSummary as inventoryNightSummary,
  receiptDiscrepancy,
  reorderPointPlanner,
  valuationReconciliation,
} from './inventory/index.ts';

/**
 * The group's night, across the four modules: people and stock first, the books on what they found, the auditors' tests on
 * the books, then one summary a module and one for the group.
 *
 * Chains run per item without barriers: a department's payroll is checked as soon as its own timesheets are. A failed item
 * costs its own results only; whatever comes after works with what there is.
 */
export const nightly = defineWorkflow({
  name: 'nightly',
  deadline: 'PT6H',
  budgetMicroUsd: 20_000_000,
  partial: true,
  input: z.object({
    /** Whether the current period is open for entries: the reconciliations of the ledger run only then. */
    periodOpen: z.boolean().default(true),
  }),
  graph({ input, foreach, reduce, gate }) {
    const each = { onItemFailure: 'continue' } as const;

    const people = foreach({
      ...each,
      id: 'people',
      items: query.department(),
      key: (department) => department.id,
      each(graph, department) {
        const timesheets = graph.task({
          id: 'timesheets',
          agent: timesheetExceptions,
          input: { department: department.id },
        });
        const payroll = graph.task({
          id: 'payroll',
          agent: payrollAnomaly,
          input: { department: department.id },
          after: [timesheets],
          join: 'all_done',
        });
        return [timesheets, payroll];
      },
    });
    const documents = foreach({
      ...each,
      id: 'documents',
      items: query.department(),
      key: (department) => department.id,
      agent: documentExpiryWatch,
      input: (department) => ({ department: department.id }),
    });
    const accruals = foreach({
      ...each,
      id: 'accruals',
      after: [people],
      items: query.company(),
      key: (company) => company.code,
      agent: payrollAccrualFeed,
      input: (company) => ({ company: company.code }),
    });

    const receipts = foreach({
      ...each,
      id: 'receipts',
      items: query.warehouse(),
      key: (warehouse) => warehouse.id,
      each(graph, warehouse) {
        const received = graph.task({
          id: 'discrepancies',
          agent: receiptDiscrepancy,
          input: { warehouse: warehouse.id },
        });
        const counts = graph.task({
          id: 'counts',
          agent: cycleCountPlanner,
          input: { warehouse: warehouse.id },
          after: [received],
          join: 'all_done',
        });
        return [received, counts];
      },
    });
    const reorders = foreach({
      ...each,
      id: 'reorders',
      items: query.item_group(),
      key: (group) => group.id,
      agent: reorderPointPlanner,
      input: (group) => ({ group: group.id }),
    });
    const valuation = foreach({
      ...each,
      id: 'valuation',
      after: [receipts],
      items: query.company(),
      key: (company) => company.code,
      agent: valuationReconciliation,
      input: (company) => ({ company: company.code }),
    });

    const screening = foreach({
      ...each,
      id: 'screening',
      items: query.party_group(),
      key: (group) => group.id,
      agent: sanctionsScreening,
      input: (group) => ({ group: group.id }),
    });
    const duties = foreach({
      ...each,
      id: 'duties',
      items: query.user_group(),
      key: (group) => group.id,
      agent: sodConflictScan,
      input: (group) => ({ group: group.id }),
    });

    const bills = foreach({
      ...each,
      id: 'bills',
      after: [receipts],
      items: query.party({ supplier: true }),
      key: (vendor) => vendor.id,
      each(graph, vendor) {
        const unique = graph.task({
          id: 'duplicates',
          agent: duplicateInvoiceGuard,
          input: { vendor: vendor.id },
        });
        const matched = graph.task({
          id: 'match',
          agent: threeWayMatch,
          input: { vendor: vendor.id },
          after: [unique],
          join: 'all_done',
        });
        return [unique, matched];
      },
    });
    const open = gate({ id: 'period_open', when: eq(input.periodOpen, true) });
    const banks = foreach({
      ...each,
      id: 'banks',
      after: [open],
      items: query.bank_account({ party: null }),
      key: (account) => account.id,
      agent: bankReconciliation,
      input: (account) => ({ account: account.id }),
    });
    const subledgers = foreach({
      ...each,
      id: 'subledgers',
      after: [open, accruals, valuation, bills, banks],
      items: query.company(),
      key: (company) => company.code,
      agent: subledgerReconciliation,
      input: (company) => ({ company: company.code }),
    });

    const entries = foreach({
      ...each,
      id: 'entries',
      after: [subledgers],
      join: 'all_done',
      items: query.journal(),
      key: (journal) => journal.id,
      agent: jeTesting,
      input: (journal) => ({ journal: journal.id }),
    });
    const orders = foreach({
      ...each,
      id: 'orders',
      items: query.department(),
      key: (department) => department.id,
      agent: policyExceptionReview,
      input: (department) => ({ department: department.id }),
    });

    const ended = { join: 'all_done' } as const;
    const hr = reduce({
      ...ended,
      id: 'hr_summary',
      from: [people, documents, accruals],
      agent: hrNightSummary,
    });
    const inventory = reduce({
      ...ended,
      id: 'inventory_summary',
      from: [receipts, reorders, valuation],
      agent: inventoryNightSummary,
    });
    const finance = reduce({
      ...ended,
      id: 'finance_summary',
      from: [bills, banks, subledgers],
      agent: financeNightSummary,
    });
    const compliance = reduce({
      ...ended,
      id: 'compliance_summary',
      from: [screening, duties, entries, orders],
      agent: complianceNightSummary,
    });
    reduce({
      ...ended,
      id: 'group_summary',
      from: [hr, inventory, finance, compliance],
      agent: groupSummary,
    });
  },
});
