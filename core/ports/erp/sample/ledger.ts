import { Day } from '../../../base/day.ts';
import { defineCalendar } from '../../../sdk/calendar/calendar.ts';
import { type FiscalPeriod, periodOf, periodsOf } from '../../../sdk/calendar/fiscal-periods.ts';
import type { SampleWorld } from '../../../sdk/sample.ts';

/** Adds each company's chart of accounts, the books in which it posts, and which periods they are open for. */
export function addLedger(world: SampleWorld): void {
  addPeriods(world);
  for (const company of world.all('company')) {
    for (const [number, name, kind, control = null] of chart) {
      world.add('account', { company: company.code, number, name, kind, control });
    }
  }
  for (let series = 1; series <= world.scale; series++) {
    const suffix = series === 1 ? '' : String(series);
    for (const company of world.all('company')) {
      for (const [code, name] of books) {
        world.add('journal', {
          company: company.code,
          code: `${code}${suffix}`,
          name: `${name} ${suffix}`.trim(),
        });
      }
    }
  }
}

/**
 * The months of three years. The current one and those to come are open; the last is in its close, which payables have ended; what
 * lies before is locked, but for the entries that auditors still ask for in the year before.
 */
function addPeriods(world: SampleWorld): void {
  const { code: current, year } = periodOf(months, world.asOf) as FiscalPeriod;
  const { code: last } = periodOf(months, Day.monthStart(world.asOf, -1)) as FiscalPeriod;
  const periods = [year - 1, year, year + 1].flatMap((each) => periodsOf(months, each));
  const yearEnd = `${year - 1}-12-31`;
  const common = { code: `${year - 1}-13`, from: yearEnd, to: yearEnd, adjustment: true };
  for (const { code: company } of world.all('company')) {
    for (const { code, from, to } of periods) {
      const row = { company, code, from, to, adjustment: false };
      const state = code >= current ? 'open' : code === last ? 'soft_closed' : 'locked';
      const payables = state === 'open' ? 'open' : 'locked';
      world.add('fiscal_period', { ...row, ledger: 'general', state });
      world.add('fiscal_period', { ...row, ledger: 'payables', state: payables });
    }
    world.add('fiscal_period', { ...common, company, ledger: 'general', state: 'soft_closed' });
  }
}

const months = defineCalendar({ name: 'sample', companies: ['*'], timeZone: 'UTC' });

const books = [
  ['PUR', 'Purchases'],
  ['SAL', 'Sales'],
  ['BNK', 'Bank'],
  ['GEN', 'General'],
] as const;

type Kind = 'asset' | 'liability' | 'equity' | 'income' | 'expense';
type Control =
  | 'payables'
  | 'receivables'
  | 'bank'
  | 'inventory'
  | 'payroll'
  | 'received_not_invoiced';

// One chart for the group, as groups have; the last column names the subledger that must tie to the account.
const chart: readonly (readonly [number: string, name: string, kind: Kind, control?: Control])[] = [
  ['1000', 'Bank', 'asset', 'bank'],
  ['1100', 'Trade receivables', 'asset', 'receivables'],
  ['1300', 'Inventory', 'asset', 'inventory'],
  ['1400', 'Input tax', 'asset'],
  ['1500', 'Prepaid expenses', 'asset'],
  ['1700', 'Plant and machinery', 'asset'],
  ['1790', 'Accumulated depreciation', 'asset'],
  ['2000', 'Trade payables', 'liability', 'payables'],
  ['2050', 'Goods received, not invoiced', 'liability', 'received_not_invoiced'],
  ['2200', 'Wages payable', 'liability', 'payroll'],
  ['2300', 'Output tax', 'liability'],
  ['2400', 'Accrued expenses', 'liability'],
  ['2500', 'Bank loans', 'liability'],
  ['3000', 'Share capital', 'equity'],
  ['3100', 'Retained earnings', 'equity'],
  ['4000', 'Sales', 'income'],
  ['4100', 'Other income', 'income'],
  ['5000', 'Cost of goods sold', 'expense'],
  ['5100', 'Purchase price variance', 'expense'],
  ['5200', 'Stock adjustments', 'expense'],
  ['6000', 'Wages and salaries', 'expense'],
  ['6100', 'Social security', 'expense'],
  ['6200', 'Rent', 'expense'],
  ['6300', 'Energy', 'expense'],
  ['6400', 'Travel', 'expense'],
  ['6500', 'Office supplies', 'expense'],
  ['6600', 'Professional fees', 'expense'],
  ['6700', 'IT services', 'expense'],
  ['6800', 'Marketing', 'expense'],
  ['6900', 'Depreciation', 'expense'],
  ['7000', 'Bank charges', 'expense'],
  ['7100', 'Interest', 'expense'],
  ['8000', 'Income tax', 'expense'],
];
