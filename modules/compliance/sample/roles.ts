import type { Draft, SampleWorld } from 'tutti';

/** The access model: what may be granted, and what must not meet. */
export interface AccessModel {
  readonly roles: readonly Draft<'role'>[];
  /** The rules in force. */
  readonly rules: readonly Draft<'duty_rule'>[];
  /** A rule that is retired, hence broken by nobody. */
  readonly retired: Draft<'duty_rule'>;
  /** Roles that people of a trade usually have; the trade is part of their group's name. */
  readonly byTrade: ReadonlyMap<string, readonly Draft<'role'>[]>;
}

/** Adds roles and the matrix of duties; they do not grow with the company. */
export function addRoles(world: SampleWorld): AccessModel {
  const byTrade = new Map<string, Draft<'role'>[]>();
  for (const [trade, code, name, ...duties] of catalogue) {
    const role = world.add('role', { code, name, duties: duties.map((duty) => ({ duty })) });
    const known = byTrade.get(trade);
    if (known) known.push(role);
    else byTrade.set(trade, [role]);
  }
  const all = matrix.map(([first, second, risk, active = true], index) =>
    world.add('duty_rule', {
      code: `SOD-${String(index + 1).padStart(2, '0')}`,
      first,
      second,
      risk,
      active,
    }),
  );
  const rules = all.filter((rule) => rule.active);
  const retired = all.find((rule) => !rule.active) as Draft<'duty_rule'>;
  return { roles: [...byTrade.values()].flat(), rules, retired, byTrade };
}

// Trade, code, name, duties. No role breaks a rule by itself.
const catalogue: readonly (readonly [string, string, string, ...string[]])[] = [
  ['Payables', 'AP-ENTRY', 'Bill entry', 'enter_bill'],
  ['Payables', 'AP-APPROVE', 'Bill approval', 'approve_bill'],
  ['Payables', 'AP-PROPOSE', 'Payment proposal', 'enter_bill', 'propose_payment'],
  ['Receivables', 'AR-CASH', 'Cash posting', 'post_cash', 'send_reminder'],
  ['Receivables', 'AR-CREDIT', 'Credit notes', 'issue_credit_note'],
  ['Treasury', 'TR-RELEASE', 'Payment release', 'release_payment'],
  ['Treasury', 'TR-RECON', 'Bank reconciliation', 'reconcile_bank'],
  ['Treasury', 'TR-PLAN', 'Liquidity planning', 'plan_cash'],
  ['General Ledger', 'GL-POST', 'Journal posting', 'post_journal'],
  ['General Ledger', 'GL-PERIOD', 'Period control', 'open_period'],
  ['General Ledger', 'GL-REPORT', 'Closing reports', 'run_closing_report'],
  ['Purchasing', 'PU-ORDER', 'Ordering', 'create_order', 'maintain_source_list'],
  ['Purchasing', 'PU-APPROVE', 'Order approval', 'approve_order'],
  ['Receiving', 'RC-RECEIVE', 'Goods receipt', 'receive_goods'],
  ['Receiving', 'RC-INSPECT', 'Inspection', 'inspect_goods'],
  ['Warehouse', 'WH-MOVE', 'Stock transfer', 'move_stock'],
  ['Warehouse', 'WH-ADJUST', 'Stock adjustment', 'adjust_stock'],
  ['Warehouse', 'WH-COUNT', 'Stock count', 'count_stock'],
  ['Planning', 'PL-SUPPLY', 'Supply planning', 'plan_supply'],
  ['Planning', 'PL-DEMAND', 'Demand planning', 'plan_demand'],
  ['Payroll', 'HR-MASTER', 'Employee records', 'maintain_employee'],
  ['Payroll', 'HR-SALARY', 'Salary changes', 'change_salary'],
  ['Payroll', 'HR-PAYRUN', 'Payroll run', 'run_payroll'],
  ['Payroll', 'HR-RELEASE', 'Payroll release', 'release_payroll'],
  ['Sales', 'SA-ORDER', 'Sales orders', 'enter_sales_order'],
  ['Sales', 'SA-PRICE', 'Price lists', 'change_price'],
  ['Master Data', 'MD-VENDOR', 'Vendor records', 'create_vendor'],
  ['Master Data', 'MD-BANK', 'Bank details', 'change_bank_account'],
  ['Master Data', 'MD-CUSTOMER', 'Customer records', 'create_customer'],
  ['Administration', 'IT-USER', 'User administration', 'manage_users'],
  ['Administration', 'IT-JOBS', 'Job control', 'schedule_jobs'],
  ['Reporting', 'RP-FIN', 'Finance reports', 'read_ledger'],
  ['Reporting', 'RP-LOG', 'Logistics reports', 'read_stock'],
  ['Reporting', 'RP-HR', 'Headcount reports', 'read_headcount'],
];

// Pairs that auditors of procurement, cash, ledger and payroll ask for: who creates, who approves, who pays, who checks.
const matrix: readonly (readonly [string, string, 'medium' | 'high' | 'critical', boolean?])[] = [
  ['create_vendor', 'release_payment', 'critical'],
  ['change_bank_account', 'release_payment', 'critical'],
  ['create_vendor', 'enter_bill', 'high'],
  ['enter_bill', 'approve_bill', 'high'],
  ['approve_bill', 'release_payment', 'high'],
  ['propose_payment', 'release_payment', 'high'],
  ['reconcile_bank', 'release_payment', 'high'],
  ['create_order', 'approve_order', 'high'],
  ['create_order', 'receive_goods', 'high'],
  ['create_order', 'enter_bill', 'medium'],
  ['receive_goods', 'approve_bill', 'medium'],
  ['post_journal', 'open_period', 'medium'],
  ['post_journal', 'reconcile_bank', 'medium'],
  ['plan_cash', 'read_ledger', 'medium', false],
  ['create_customer', 'issue_credit_note', 'medium'],
  ['post_cash', 'issue_credit_note', 'high'],
  ['change_price', 'enter_sales_order', 'medium'],
  ['adjust_stock', 'count_stock', 'medium'],
  ['maintain_employee', 'run_payroll', 'high'],
  ['change_salary', 'release_payroll', 'critical'],
  ['manage_users', 'release_payment', 'critical'],
  ['manage_users', 'post_journal', 'high'],
];
