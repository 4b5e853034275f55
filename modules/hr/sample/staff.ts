import { Day, type Draft, type Row, type SampleWorld } from 'tutti';
import { firstDayOf, lastDayOf, periodOf, previousPeriod } from '../period.ts';
import { type Demand, type Fact, facts } from './fact.ts';

/** Somebody on the payroll of the sample company, with what was agreed. Rates in cents, per hour or per month. */
export interface Staff {
  readonly employee: Draft<'employee'>;
  readonly currency: string;
  readonly pay: 'hourly' | 'monthly';
  readonly weeklyHours: number;
  readonly shift: 'day' | 'night';
  readonly startMinute: number;
  /** Earliest first. */
  readonly contracts: readonly Agreement[];
  readonly fact: Fact | null;
}

/** A contract in the making. */
export interface Agreement {
  readonly rateCents: number;
  readonly from: string;
  readonly to: string | null;
}

type Person = Omit<Staff, 'contracts' | 'fact'> & { readonly rateCents: number };

/** An amount in cents as decimal text. */
export function decimalOf(cents: number): string {
  return (cents / 100).toFixed(2);
}

/** Hires the foundation's employees: pay, hours, shifts, and who has which fact. Adds contracts and schedules. */
export function addStaff(world: SampleWorld): readonly Staff[] {
  const currencies = new Map(world.all('company').map((each) => [each.code, each.currency]));
  const people = world
    .all('employee')
    .map((employee) => personOf(world, employee, currencies.get(employee.company) ?? 'EUR'));
  const cast = castFacts(world, people);
  const staff = people.map((person): Staff => {
    const fact = cast.get(person.employee.id) ?? null;
    return { ...person, fact, contracts: contractsOf(world, person, fact) };
  });
  addContracts(world, staff);
  addSchedules(world, staff);
  return staff;
}

/** The rate in cents that was agreed for a period: its last day's, else the last one. */
export function rateIn(staff: Staff, period: string): number {
  const day = lastDayOf(period);
  const begun = staff.contracts.filter((contract) => contract.from <= day);
  return (begun.at(-1) ?? staff.contracts[0])?.rateCents ?? 0;
}

/** What a unit of the group's currency buys in wages, roughly. */
const levels: Readonly<Record<string, number>> = { EUR: 1, USD: 1.25, GBP: 0.95, PLN: 2.5 };

function personOf(world: SampleWorld, employee: Draft<'employee'>, currency: string): Person {
  const { random } = world;
  const pay = random.chance(0.45) ? 'hourly' : 'monthly';
  const shift = random.chance(0.12) ? 'night' : 'day';
  const level = levels[currency] ?? 1;
  // Round rates, so that the limits of ten and two per cent fall on whole cents.
  const rateCents =
    pay === 'hourly'
      ? 50 * Math.round(random.integer(32, 90) * level)
      : 5_000 * Math.round(random.integer(52, 150) * level);
  return {
    employee,
    currency,
    pay,
    rateCents,
    weeklyHours: shift === 'night' ? 40 : random.pick([40, 40, 40, 37.5, 35, 30, 20]),
    shift,
    startMinute: shift === 'night' ? 22 * 60 : random.pick([7, 7.5, 8, 8.5, 9]) * 60,
  };
}

/** Gives each fact to three employees for each unit of scale, by chance. */
function castFacts(world: SampleWorld, people: readonly Person[]): ReadonlyMap<string, Fact> {
  const free = world.random.shuffle(people.filter(({ employee }) => employee.leftOn === null));
  const cast = new Map<string, Fact>();
  for (const [fact, demand] of facts) {
    for (let count = 0; count < 3 * world.scale; count++) {
      const index = free.findIndex((person) => meets(person, demand));
      const [person] = index < 0 ? [] : free.splice(index, 1);
      if (person) cast.set(person.employee.id, fact);
    }
  }
  return cast;
}

function meets(person: Person, demand: Demand): boolean {
  if (demand === 'anybody') return true;
  return demand === 'day_shift' ? person.shift === 'day' : person.pay === demand;
}

function contractsOf(world: SampleWorld, person: Person, fact: Fact | null): readonly Agreement[] {
  const { random, asOf } = world;
  const { rateCents } = person;
  const { hiredOn, leftOn } = person.employee;
  const open = firstDayOf(periodOf(asOf));
  const eve = Day.add(open, -1);
  switch (fact) {
    case 'no_contract':
      return [{ rateCents, from: hiredOn, to: Day.add(eve, -random.pick([0, 0, 5, 12, 25])) }];
    case 'successor':
      return [
        { rateCents, from: hiredOn, to: eve },
        { rateCents, from: open, to: null },
      ];
    case 'raise':
    case 'raise_and_allowance':
      return [
        { rateCents, from: hiredOn, to: eve },
        { rateCents: raised(person, random.integer(12, 20)), from: open, to: null },
      ];
    default:
      if (random.chance(0.3)) return withRaise(world, person);
      return [{ rateCents, from: hiredOn, to: leftOn }];
  }
}

/** At least `percent` more, on the next round rate. */
function raised({ pay, rateCents }: Person, percent: number): number {
  const step = pay === 'hourly' ? 50 : 5_000;
  return step * Math.ceil((rateCents * (100 + percent)) / 100 / step);
}

/** An ordinary raise at the beginning of one of the closed months, before the employee left. */
function withRaise(world: SampleWorld, person: Person): readonly Agreement[] {
  const { rateCents } = person;
  const { hiredOn, leftOn } = person.employee;
  let period = periodOf(world.asOf);
  for (let back = world.random.integer(1, 5); back > 0; back--) period = previousPeriod(period);
  const from = firstDayOf(period);
  if (leftOn !== null && leftOn < from) return [{ rateCents, from: hiredOn, to: leftOn }];
  const before = Math.round((rateCents * (100 - world.random.integer(2, 7))) / 1_000) * 10;
  return [
    { rateCents: before, from: hiredOn, to: Day.add(from, -1) },
    { rateCents, from, to: leftOn },
  ];
}

function addContracts(world: SampleWorld, staff: readonly Staff[]): void {
  const all = staff.flatMap((each) => each.contracts.map((contract) => ({ each, contract })));
  for (const [index, { each, contract }] of world.random.shuffle(all).entries()) {
    world.add('employment_contract', {
      number: `EC${String(index + 1).padStart(6, '0')}`,
      ...placeOf(each),
      pay: each.pay,
      rate: { amount: decimalOf(contract.rateCents), currency: each.currency },
      weeklyHours: String(each.weeklyHours),
      from: contract.from,
      to: contract.to,
    });
  }
}

function addSchedules(world: SampleWorld, staff: readonly Staff[]): void {
  for (const each of world.random.shuffle(staff)) {
    const { employee, department } = placeOf(each);
    world.add('work_schedule', {
      employee,
      department,
      shift: each.shift,
      startMinute: each.startMinute,
      dailyHours: String(each.weeklyHours / 5),
    });
  }
}

/** The employee, department and company of a record. */
export function placeOf({
  employee,
}: Staff): Pick<Row<'leave'>, 'employee' | 'department' | 'company'> {
  return { employee: employee.id, department: employee.department, company: employee.company };
}
