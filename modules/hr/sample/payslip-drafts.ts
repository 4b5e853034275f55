import type { Draft, SampleWorld } from 'tutti';
import { payrollWeeks, periodOf } from '../period.ts';
import type { LookAlike, PlantedFact } from './fact.ts';
import { monthly, type Slip, worksIn } from './slip.ts';
import { rateIn, type Staff } from './staff.ts';

/** The open month's payslips, the facts about pay among them. */
export function openSlips(
  world: SampleWorld,
  staff: readonly Staff[],
  sheets: readonly Draft<'timesheet'>[],
): readonly Slip[] {
  const recorded = recordedHours(world, sheets);
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
