import type { Draft, Row, SampleWorld } from 'tutti';
import { firstDayOf, lastDayOf, payrollWeeks, periodOf, previousPeriod } from '../period.ts';
import type { LookAlike, PlantedFact } from './fact.ts';
import { remark } from './remark.ts';
import { decimalOf, placeOf, rateIn, type Staff } from './staff.ts';

/** A payslip in the making. */
interface Slip {
  readonly staff: Staff;
  readonly period: string;
  readonly kind: Row<'payslip'>['kind'];
  readonly rateCents: number;
  readonly hours: number;
  readonly status: Row<'payslip'>['status'];
  /** The finding that must name it. */
  readonly finding: 'leaver' | PlantedFact | null;
}

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
  const closed = periods
    .slice(0, -1)
    .flatMap((period) => staff.flatMap((each) => closedSlips(world, each, period)));
  const open = openSlips(world, staff, recordedHours(world, sheets));
  const doubled = new Map<Staff, Draft<'payslip'>>();
  return world.random.shuffle([...closed, ...open]).map((slip, index) => {
    const row = addSlip(world, slip, index);
    expectFinding(world, { slip, row, doubled });
    return row;
  });
}

function worksIn({ employee }: Staff, period: string): boolean {
  return employee.leftOn === null || employee.leftOn >= firstDayOf(period);
}

function closedSlips(world: SampleWorld, staff: Staff, period: string): readonly Slip[] {
  if (!worksIn(staff, period)) return [];
  const { random } = world;
  const weeks = payrollWeeks(period, world.asOf).length;
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

/** Hours of a month for somebody who is paid by the month: 52 weeks in 12 months, to quarters. */
function monthly({ weeklyHours }: Staff): number {
  return Math.round((weeklyHours * 52 * 4) / 12) / 4;
}

/** Hours on the timesheets that the open month pays for, as payroll takes them. */
function recordedHours(
  world: SampleWorld,
  sheets: readonly Draft<'timesheet'>[],
): ReadonlyMap<string, number> {
  const weeks = new Set(payrollWeeks(periodOf(world.asOf), world.asOf));
  const hours = new Map<string, number>();
  for (const sheet of sheets) {
    if (!weeks.has(sheet.week) || sheet.status === 'draft') continue;
    const sum = sheet.lines.reduce((total, line) => total + Number(line.hours), 0);
    hours.set(sheet.employee, (hours.get(sheet.employee) ?? 0) + sum);
  }
  return hours;
}

function openSlips(
  world: SampleWorld,
  staff: readonly Staff[],
  recorded: ReadonlyMap<string, number>,
): readonly Slip[] {
  const period = periodOf(world.asOf);
  const ordinary = staff
    .filter((each) => worksIn(each, period))
    .flatMap((each) => draftSlips(world, each, recorded.get(each.employee.id) ?? 0));
  const gone = world.random.shuffle(staff.filter((each) => !worksIn(each, period)));
  const wanted = 3 * world.scale;
  const [paid, settled] = [gone.slice(0, wanted), gone.slice(wanted, 2 * wanted)];
  const rest = { period, status: 'draft' as const };
  return [
    ...ordinary,
    ...paid.map((each): Slip => {
      const rateCents = rateIn(each, period);
      return {
        ...rest,
        staff: each,
        kind: 'regular',
        rateCents,
        hours: monthly(each),
        finding: 'leaver',
      };
    }),
    // What is left to settle after the last month is no wage of this one.
    ...settled.map((each): Slip => {
      const rateCents = rateIn(each, period);
      return { ...rest, staff: each, kind: 'correction', rateCents, hours: 8, finding: null };
    }),
  ];
}

function draftSlips(world: SampleWorld, staff: Staff, recorded: number): readonly Slip[] {
  const { random, asOf } = world;
  const { fact } = staff;
  const hours = staff.pay === 'hourly' ? recorded : monthly(staff);
  if (hours === 0) return [];
  const slip: Slip = {
    staff,
    period: periodOf(asOf),
    kind: 'regular',
    rateCents: rateIn(staff, periodOf(asOf)),
    hours,
    status: 'draft',
    finding: fact === 'no_contract' || fact === 'rate_jump' || fact === 'hours' ? fact : null,
  };
  const sign = random.chance(0.7) ? 1 : -1;
  switch (fact) {
    case 'rate_jump':
      return [{ ...slip, rateCents: Math.ceil((slip.rateCents * random.integer(111, 160)) / 100) }];
    case 'small_jump':
      return [{ ...slip, rateCents: (slip.rateCents * 110) / 100 }];
    case 'raise_and_allowance':
      return [{ ...slip, rateCents: (slip.rateCents * 102) / 100 }];
    case 'hours':
      return [{ ...slip, hours: hours + (sign * random.integer(3, 64)) / 4 }];
    case 'rounded_hours':
      return [{ ...slip, hours: hours + sign * 0.5 }];
    case 'double':
      return [
        { ...slip, finding: 'double' },
        { ...slip, finding: 'double' },
      ];
    default:
      return [slip, ...besides(world, slip, fact)];
  }
}

/** Second payslips that are in order. */
function besides(
  world: SampleWorld,
  slip: Slip,
  fact: PlantedFact | LookAlike | null,
): readonly Slip[] {
  if (fact === 'held_double') return [{ ...slip, status: 'held' }];
  if (fact !== 'corrected') return [];
  return [{ ...slip, kind: 'correction', hours: world.random.integer(2, 16) / 2 }];
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

/** Paid by the hour, or by the month: in the month of leaving by the days that were left of it. */
function grossOf({ staff, period, kind, rateCents, hours, finding }: Slip): number {
  if (staff.pay === 'hourly') return Math.round(rateCents * hours);
  if (kind === 'correction') return Math.round((rateCents * hours) / monthly(staff));
  const { leftOn } = staff.employee;
  const days = Number(lastDayOf(period).slice(8));
  const worked =
    leftOn !== null && periodOf(leftOn) === period && finding === null
      ? Number(leftOn.slice(8))
      : days;
  return Math.round((rateCents * worked) / days);
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
