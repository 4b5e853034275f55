/*
 * One workflow over four modules: people and stock first, the books on what they found, the auditors on the books, then a summary a
 * module and one for the group. Twenty agents, some hundred steps; with no key of a model they run their playbooks.
 *
 *   npx tutti plan erp_multi_module --config examples/erp-multi-module.ts
 *   npx tutti run erp_multi_module --config examples/erp-multi-module.ts --report report.html
 */
import { defineConfig, defineWorkflow, type Graph, type NodeRef, query } from 'tutti';
import * as compliance from '../modules/compliance/index.ts';
import * as finance from '../modules/finance/index.ts';
import * as hr from '../modules/hr/index.ts';
import * as inventory from '../modules/inventory/index.ts';

type Close = Graph<Readonly<Record<never, never>>>;

// A failed item costs its own results only, and whatever comes after works with what there is.
const tolerant = { onItemFailure: 'continue' } as const;
const whenEnded = { join: 'all_done' } as const;

function people({ foreach }: Close) {
  const staff = foreach({
    ...tolerant,
    id: 'staff',
    items: query.department(),
    key: ({ id }) => id,
    // Each department goes through its own graph; departments do not wait for each other.
    each(graph, { id: department }) {
      const hours = graph.task({
        id: 'hours',
        agent: hr.timesheetExceptions,
        input: { department },
      });
      const pay = graph.task({
        ...whenEnded,
        id: 'pay',
        after: [hours],
        agent: hr.payrollAnomaly,
        input: { department },
      });
      const papers = graph.task({
        id: 'papers',
        agent: hr.documentExpiryWatch,
        input: { department },
      });
      return [hours, pay, papers];
    },
  });
  const accruals = foreach({
    ...tolerant,
    id: 'accruals',
    after: [staff],
    items: query.company(),
    key: ({ code }) => code,
    agent: hr.payrollAccrualFeed,
    input: ({ code }) => ({ company: code }),
  });
  return [staff, accruals] as const;
}

function stock({ foreach }: Close) {
  const warehouses = foreach({
    ...tolerant,
    id: 'warehouses',
    items: query.warehouse(),
    key: ({ id }) => id,
    each(graph, { id: warehouse }) {
      return [
        graph.task({ id: 'receipts', agent: inventory.receiptDiscrepancy, input: { warehouse } }),
        graph.task({ id: 'counts', agent: inventory.cycleCountPlanner, input: { warehouse } }),
      ];
    },
  });
  const reorders = foreach({
    ...tolerant,
    id: 'reorders',
    items: query.item_group(),
    key: ({ id }) => id,
    agent: inventory.reorderPointPlanner,
    input: ({ id }) => ({ group: id }),
  });
  const valuation = foreach({
    ...tolerant,
    id: 'valuation',
    after: [warehouses],
    items: query.company(),
    key: ({ code }) => code,
    agent: inventory.valuationReconciliation,
    input: ({ code }) => ({ company: code }),
  });
  return [warehouses, reorders, valuation] as const;
}

function books({ foreach }: Close, before: readonly NodeRef<unknown>[]) {
  const bills = foreach({
    ...tolerant,
    id: 'bills',
    after: before,
    items: query.party({ supplier: true }),
    key: ({ id }) => id,
    each(graph, { id: vendor }) {
      const unique = graph.task({
        id: 'unique',
        agent: finance.duplicateInvoiceGuard,
        input: { vendor },
      });
      const matched = graph.task({
        ...whenEnded,
        id: 'matched',
        after: [unique],
        agent: finance.threeWayMatch,
        input: { vendor },
      });
      return [unique, matched];
    },
  });
  const banks = foreach({
    ...tolerant,
    id: 'banks',
    items: query.bank_account({ party: null }),
    key: ({ id }) => id,
    agent: finance.bankReconciliation,
    input: ({ id }) => ({ account: id }),
  });
  const subledgers = foreach({
    ...tolerant,
    id: 'subledgers',
    after: [bills, banks],
    items: query.company(),
    key: ({ code }) => code,
    agent: finance.subledgerReconciliation,
    input: ({ code }) => ({ company: code }),
  });
  return [bills, banks, subledgers] as const;
}

function audit({ foreach }: Close, after: ReturnType<typeof books>) {
  const screening = foreach({
    ...tolerant,
    id: 'screening',
    items: query.party_group(),
    key: ({ id }) => id,
    agent: compliance.sanctionsScreening,
    input: ({ id }) => ({ group: id }),
  });
  const duties = foreach({
    ...tolerant,
    id: 'duties',
    items: query.user_group(),
    key: ({ id }) => id,
    agent: compliance.sodConflictScan,
    input: ({ id }) => ({ group: id }),
  });
  const entries = foreach({
    ...tolerant,
    ...whenEnded,
    id: 'entries',
    after,
    items: query.journal(),
    key: ({ id }) => id,
    agent: compliance.jeTesting,
    input: ({ id }) => ({ journal: id }),
  });
  return [screening, duties, entries] as const;
}

const erpMultiModule = defineWorkflow({
  name: 'erp_multi_module',
  description: 'A close of people, stock, books and controls across four modules.',
  deadline: 'PT6H',
  budgetMicroUsd: 20_000_000,
  partial: true,
  graph(close) {
    const ofPeople = people(close);
    const ofStock = stock(close);
    const ofBooks = books(close, [...ofPeople, ...ofStock]);
    const ofAudit = audit(close, ofBooks);
    const summaries = [
      close.reduce({ ...whenEnded, id: 'hr_summary', from: ofPeople, agent: hr.nightSummary }),
      close.reduce({
        ...whenEnded,
        id: 'inventory_summary',
        from: ofStock,
        agent: inventory.nightSummary,
      }),
      close.reduce({
        ...whenEnded,
        id: 'finance_summary',
        from: ofBooks,
        agent: finance.nightSummary,
      }),
      close.reduce({
        ...whenEnded,
        id: 'compliance_summary',
        from: ofAudit,
        agent: compliance.nightSummary,
      }),
    ];
    const group = close.reduce({
      ...whenEnded,
      id: 'group_summary',
      from: summaries,
      agent: compliance.groupSummary,
    });
    return group.output;
  },
});

// biome-ignore lint/style/noDefaultExport: a configuration is the default export of its file
export default defineConfig({
  modules: [hr.hr, inventory.inventory, finance.finance, compliance.compliance],
  workflows: [erpMultiModule],
});
