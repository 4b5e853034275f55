import type { Draft, SampleWorld } from 'tutti';
import { payrollWeeks, periodOf, previousPeriod } from '../period.ts';
import { openSlips } from './payslip-drafts.ts';
import { remark } from './remark.ts';
import { grossOf, monthly, type Slip, worksIn } from './slip.ts';
import { decimalOf, placeOf, rateIn, type Staff } from './staff.ts';

/** Closed months of payslips before the open one. */
const closedMonths = 6;

/** The periods with payslips, earliest first; the last one is open. */
export function payrollPeriods(asOf: string): readonly string[] {
  const periods = [periodOf(asOf)];
  for (let count = 0; count < closedMonths; count++) {
    periods.unshift(previousPeriod(periods[0] ?? ''));
  }
  return periods;
}

/** Adds six closed months of payslips and the open month's drafts, the facts about pay among them. */
export function addPayslips(
  world: SampleWorld,
  staff: readonly Staff[],
  sheets: readonly Draft<'timesheet'>[],
): readonly Draft<'payslip'>[] {
  const periods = payrollPeriods(world.asOf);
  const closed = periods.slice(0, -1).flatMap((period) => {
    const weeks = payrollWeeks(period, world.asOf).length;
    return staff.flatMap((each) => closedSlips(world, each, { period, weeks }));
  });
  const open = openSlips(world, staff, sheets);
  const doubled = new Map<Staff, Draft<'payslip'>>();
  return world.random.shuffle([...closed, ...open]).map((slip, index) => {
    const row = addSlip(world, slip, index);
    expectFinding(world, { slip, row, doubled });
    return row;
  });
}

/** `weeks`: those that the period pays for. */
function closedSlips(
  world: SampleWorld,
  staff: Staff,
  { period, weeks }: { readonly period: string; readonly weeks: number },
): readonly Slip[] {
  if (!worksIn(staff, period)) return [];
  const { random } = world;
  const hours =
    staff.pay === 'hourly'
      ? weeks * staff.weeklyHours + random.integer(-24, 16) / 4
      : monthly(staff);
  const slip = {
    staff,
    period,
    rateCents: rateIn(staff, period),
    status: 'posted' as const,
    finding: null,
  };
  const regular: Slip = { ...slip, kind: 'regular', hours };
  if (!random.chance(0.03)) return [regular];
  return [regular, { ...slip, kind: 'correction', hours: random.integer(2, 16) / 2 }];
}

function addSlip(world: SampleWorld, slip: Slip, index: number): Draft<'payslip'> {
  const { staff, period, kind, rateCents, hours, status } = slip;
  const grossCents = grossOf(slip);
  const netCents = Math.round((grossCents * world.random.integer(60, 74)) / 100);
  const { currency } = staff;
  return world.add('payslip', {
    number: `PS${String(index + 1).padStart(7, '0')}`,
    ...placeOf(staff),
    period,
    kind,
    pay: staff.pay,
    rate: { amount: decimalOf(rateCents), currency },
    hours: String(hours),
    gross: { amount: decimalOf(grossCents), currency },
    net: { amount: decimalOf(netCents), currency },
    status,
    note: remark(world, slip.finding !== null),
  });
}

function expectFinding(
  world: SampleWorld,
  of: {
    readonly slip: Slip;
    readonly row: Draft<'payslip'>;
    /** First payslips of employees who have two. */
    readonly doubled: Map<Staff, Draft<'payslip'>>;
  },
): void {
  const { slip, row, doubled } = of;
  const { finding, staff } = slip;
  if (finding === null) return;
  const first = doubled.get(staff);
  if (finding === 'double' && !first) {
    doubled.set(staff, row);
    return;
  }
  const { employee } = staff;
  world.expect({
    agent: 'hr.payroll_anomaly',
    kind: `payroll.${finding}`,
    company: employee.company,
    records: [
      ...(first ? [{ entity: 'payslip' as const, id: first.id }] : []),
      { entity: 'payslip', id: row.id },
      ...(finding === 'leaver' ? [{ entity: 'employee' as const, id: employee.id }] : []),
    ],
  });
}
